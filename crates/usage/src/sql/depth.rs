//! How deep a query is, before it is read.
//!
//! Owns a bound of the depth of every tree that the query becomes: the engine walks them by recursion,
//! and a stack that overflows ends the process. Counted on the words alone, without recursion.

use datafusion::logical_expr::sqlparser::tokenizer::Token;
use florin_app::usage::{UsageError, UsageResult};

/// Operators that apply to one another, brackets included.
const OPERATORS_MAX: usize = 100;
/// SELECTs of a query, subqueries and those of UNION included; and joins.
const SELECTS_MAX: usize = 25;

/// Words that join two values as an operator does.
const OPERATORS: [&str; 7] = ["AND", "BETWEEN", "IN", "IS", "LIKE", "NOT", "OR"];
/// Words after which a new value begins.
const STARTS: [&str; 14] = [
    "BY", "CASE", "ELSE", "FROM", "HAVING", "LIMIT", "ON", "ORDER", "SELECT", "THEN", "UNION",
    "WHEN", "WHERE", "AS",
];

/// # Errors
/// [`UsageError::Limit`] for a query that is deeper than the engine can walk.
pub(super) fn bounded<'t>(tokens: impl Iterator<Item = &'t Token>) -> UsageResult<()> {
    let mut selects = 0;
    let mut depth = Depth::default();
    for token in tokens {
        depth.add(token);
        selects += usize::from(is_one_of(token, &["SELECT", "JOIN"]));
    }
    let deepest = depth.deepest();
    let message = if deepest > OPERATORS_MAX {
        format!("{OPERATORS_MAX} operators at most apply to one another, here {deepest}")
    } else if selects > SELECTS_MAX {
        format!("a query has {SELECTS_MAX} SELECTs and joins at most, here {selects}")
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

/// What is known of a bracket that is open.
#[derive(Clone, Copy, Default)]
struct Open {
    /// Operators of the value that is being read, and the depth of the deepest bracket in it.
    operators: usize,
    inner: usize,
    /// The deepest value before it.
    deepest: usize,
}

impl Open {
    fn value_ends(&mut self) {
        self.deepest = self.deepest.max(self.operators + self.inner);
        (self.operators, self.inner) = (0, 0);
    }
}

#[derive(Default)]
struct Depth {
    open: Vec<Open>,
    outermost: Open,
}

impl Depth {
    fn current(&mut self) -> &mut Open {
        self.open.last_mut().unwrap_or(&mut self.outermost)
    }

    fn add(&mut self, token: &Token) {
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => self.open.push(Open::default()),
            Token::RParen | Token::RBracket | Token::RBrace => self.close(),
            Token::Comma => self.current().value_ends(),
            Token::Word(_) if is_one_of(token, &STARTS) => self.current().value_ends(),
            Token::Word(_) if !is_one_of(token, &OPERATORS) => {}
            Token::Whitespace(_)
            | Token::Period
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::EOF => {}
            _ => self.current().operators += 1,
        }
    }

    /// A bracket that was never opened is the parser's to refuse.
    fn close(&mut self) {
        if let Some(mut closed) = self.open.pop() {
            closed.value_ends();
            let around = self.current();
            around.inner = around.inner.max(closed.deepest + 1);
        }
    }

    fn deepest(mut self) -> usize {
        while !self.open.is_empty() {
            self.close();
        }
        self.outermost.value_ends();
        self.outermost.deepest
    }
}
