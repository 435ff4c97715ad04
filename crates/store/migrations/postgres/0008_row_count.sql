-- Nothing: with many writers a counter is a row that all of them wait for. PostgreSQL counts an index.
SELECT 1;
