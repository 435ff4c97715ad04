//! How deep and how wide a query may become, before it is read.
//!
//! Owns a bound of every tree that the query becomes: the engine walks them by recursion, and a stack
//! that overflows ends the process. It also puts the expressions of a subquery wherever their names
//! stand, so that depths of nested SELECTs add up, and `x + x` over `x + x` doubles with every level.
//! Counted on the words alone, without recursion.

use std::collections::HashMap;

use datafusion::logical_expr::sqlparser::tokenizer::Token;
use florin_app::usage::{UsageError, UsageResult};

/// Operators that apply to one another, brackets included, over all levels of SELECTs.
const OPERATORS_MAX: usize = 120;
/// SELECTs of a query, subqueries and those of UNION included; and joins.
const SELECTS_MAX: usize = 25;
/// How often an expression of the innermost SELECT may be repeated.
const COPIES_MAX: usize = 20_000;

/// Words that join two values as an operator does.
const OPERATORS: [&str; 7] = ["AND", "BETWEEN", "IN", "IS", "LIKE", "NOT", "OR"];
/// Words after which a new value begins.
const STARTS: [&str; 14] = [
    "AS", "BY", "CASE", "ELSE", "FROM", "HAVING", "LIMIT", "ON", "ORDER", "SELECT", "THEN",
    "UNION", "WHEN", "WHERE",
];
/// Other words that are no names.
const OTHERS: [&str; 13] = [
    "ALL",
    "ASC",
    "DESC",
    "DISTINCT",
    "END",
    "EXCEPT",
    "FILTER",
    "GROUP",
    "INTERSECT",
    "JOIN",
    "LEFT",
    "NULL",
    "WITH",
];

/// # Errors
/// [`UsageError::Limit`] for a query that is deeper or wider than the engine can walk.
pub(super) fn bounded<'t>(tokens: impl Iterator<Item = &'t Token>) -> UsageResult<()> {
    let tokens = tokens.filter(|token| !matches!(token, Token::Whitespace(_)));
    let tokens: Vec<&Token> = tokens.collect();
    let selects = tokens
        .iter()
        .filter(|token| is_one_of(token, &["SELECT", "JOIN"]));
    let selects = selects.count();
    let Bound { depth, copies } = Reader::default().read(&tokens);
    let message = if depth > OPERATORS_MAX {
        format!("{OPERATORS_MAX} operators at most apply to one another, here {depth}")
    } else if selects > SELECTS_MAX {
        format!("a query has {SELECTS_MAX} SELECTs and joins at most, here {selects}")
    } else if copies > COPIES_MAX {
        "nested SELECTs name the columns of one another too often".to_owned()
    } else {
        return Ok(());
    };
    Err(UsageError::Limit { message })
}

fn is_one_of(token: &Token, words: &[&str]) -> bool {
    match token {
        Token::Word(word) if word.quote_style.is_none() => {
            words.iter().any(|it| it.eq_ignore_ascii_case(&word.value))
        }
        _ => false,
    }
}

/// Depth, and repetitions of the innermost expressions.
#[derive(Clone, Copy, Debug, Default)]
struct Bound {
    depth: usize,
    copies: usize,
}

impl Bound {
    fn or(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            copies: self.copies.max(other.copies),
        }
    }

    /// Of an expression of `self` over columns of `inner`.
    fn over(self, inner: Self) -> Self {
        let copies = self.copies.max(1).saturating_mul(inner.copies.max(1));
        let depth = self.depth + inner.depth;
        Self { depth, copies }
    }
}

/// What is known of a bracket that is open, or of the whole query.
#[derive(Default)]
struct Level<'t> {
    /// Operators of the value that is being read, and the depth of the deepest bracket in it.
    operators: usize,
    inner: usize,
    /// The deepest value before it.
    deepest: usize,
    /// How often each name stands.
    names: HashMap<&'t str, usize>,
    has_with: bool,
    /// Whether it may name a query of WITH.
    is_over: bool,
    has_select: bool,
    /// The queries of WITH, each perhaps over the one before.
    with: Bound,
    /// The subqueries of this SELECT.
    below: Bound,
    /// The SELECTs before UNION.
    before: Bound,
}

impl Level<'_> {
    fn value_ends(&mut self) {
        self.deepest = self.deepest.max(self.operators + self.inner);
        (self.operators, self.inner) = (0, 0);
    }

    fn select_ends(&mut self) {
        self.value_ends();
        let own = Bound {
            depth: self.deepest,
            copies: self.names.values().copied().max().unwrap_or(0),
        };
        let is_innermost = self.below.copies == 0 && self.with.copies == 0 && !self.is_over;
        let own = Bound {
            copies: if is_innermost { 1 } else { own.copies },
            ..own
        };
        self.before = self.before.or(own.over(self.below));
        (self.deepest, self.below) = (0, Bound::default());
        self.names.clear();
    }

    fn whole(mut self) -> Bound {
        self.select_ends();
        self.before.over(self.with)
    }
}

#[derive(Default)]
struct Reader<'t> {
    open: Vec<Level<'t>>,
    outermost: Level<'t>,
}

impl<'t> Reader<'t> {
    fn read(mut self, tokens: &[&'t Token]) -> Bound {
        for (index, token) in tokens.iter().enumerate() {
            self.add(token);
            let before = index.checked_sub(1).and_then(|before| tokens.get(before));
            let is_alias = before.is_some_and(|before| is_one_of(before, &["AS"]));
            let is_part = matches!(tokens.get(index + 1), Some(Token::LParen | Token::Period));
            if !is_alias && !is_part {
                self.name(token);
            }
        }
        while !self.open.is_empty() {
            self.close();
        }
        self.outermost.whole()
    }

    fn current(&mut self) -> &mut Level<'t> {
        self.open.last_mut().unwrap_or(&mut self.outermost)
    }

    fn name(&mut self, token: &'t Token) {
        let Token::Word(word) = token else {
            return;
        };
        let reserved = [&OPERATORS[..], &STARTS, &OTHERS];
        if !reserved.iter().any(|words| is_one_of(token, words)) {
            *self.current().names.entry(&word.value).or_default() += 1;
        }
    }

    fn add(&mut self, token: &Token) {
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => self.open(),
            Token::RParen | Token::RBracket | Token::RBrace => self.close(),
            Token::Comma => self.current().value_ends(),
            Token::Word(_) => self.word(token),
            Token::Period | Token::Number(..) | Token::SingleQuotedString(_) | Token::EOF => {}
            _ => self.current().operators += 1,
        }
    }

    fn open(&mut self) {
        let around = self.current();
        let is_over = around.is_over || around.with.copies > 0;
        self.open.push(Level {
            is_over,
            ..Level::default()
        });
    }

    fn word(&mut self, token: &Token) {
        let level = self.current();
        if is_one_of(token, &["WITH"]) {
            level.has_with = true;
        } else if is_one_of(token, &["UNION", "INTERSECT", "EXCEPT"]) {
            level.select_ends();
        } else if is_one_of(token, &["SELECT"]) {
            level.has_select = true;
            level.value_ends();
        } else if is_one_of(token, &STARTS) {
            level.value_ends();
        } else if is_one_of(token, &OPERATORS) {
            level.operators += 1;
        }
    }

    /// A bracket that was never opened is the parser's to refuse.
    fn close(&mut self) {
        let Some(mut closed) = self.open.pop() else {
            return;
        };
        let around = self.current();
        if closed.has_select {
            let query = closed.whole();
            around.inner = around.inner.max(1);
            match around.has_with && !around.has_select {
                true => around.with = query.over(around.with),
                false => around.below = around.below.or(query),
            }
            return;
        }
        closed.value_ends();
        around.inner = around.inner.max(closed.deepest + 1);
        around.below = around.below.or(closed.below);
        for (name, count) in closed.names {
            *around.names.entry(name).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::sqlparser::{dialect::GenericDialect, tokenizer::Tokenizer};

    use super::*;

    fn bound(sql: &str) -> (usize, usize) {
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().unwrap();
        let tokens: Vec<&Token> = tokens
            .iter()
            .filter(|token| !matches!(token, Token::Whitespace(_)))
            .collect();
        let Bound { depth, copies } = Reader::default().read(&tokens);
        (depth, copies)
    }

    #[test]
    fn depths_add_up_and_copies_multiply_over_levels() {
        for (sql, expected) in [
            ("SELECT a + b + c, d + e FROM t", (2, 1)),
            (
                "SELECT f(a + b, g(c)) * 2 FROM t WHERE a = 1 AND b = 2",
                (3, 1),
            ),
            ("SELECT a FROM t WHERE a IN (1, 2, 3, 4)", (2, 1)),
            (
                "SELECT CASE WHEN a = 1 THEN 2 WHEN a = 2 THEN 3 END FROM t",
                (1, 1),
            ),
            ("SELECT x + x FROM (SELECT a + 1 + 1 AS x FROM t) q", (3, 2)),
            (
                "WITH p AS (SELECT a + 1 AS x FROM t), q AS (SELECT x + x AS x FROM p), \
                 r AS (SELECT x + x AS x FROM q) SELECT x + x + x FROM r",
                (5, 12),
            ),
            (
                "WITH p AS (SELECT a FROM t) SELECT a + a FROM p UNION ALL SELECT a + 1 + 1 FROM p",
                (2, 2),
            ),
            (
                "SELECT a + 1 FROM t WHERE b > (SELECT max(b + 1) FROM u)",
                (4, 1),
            ),
        ] {
            assert_eq!(bound(sql), expected, "{sql}");
        }
    }
}
