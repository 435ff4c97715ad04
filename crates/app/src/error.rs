//! Why an operation was refused, without a word of HTTP. Does not own statuses: the API maps each case.

/// An operation's outcome.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation was refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The organisation has no such thing.
    #[error("there is no {resource} with this id")]
    NotFound {
        /// What was looked for, in words.
        resource: &'static str,
    },
    /// A rule forbids it. The code is in the API's table of codes.
    #[error("{message}")]
    Refused {
        /// Name of the rule.
        code: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// Fields hold what they may not; every one of them is named.
    #[error("{} fields are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// The engine of usage refused or does not answer.
    #[error(transparent)]
    Usage(#[from] crate::usage::UsageError),
    /// A gateway refused or does not answer.
    #[error(transparent)]
    Gateway(#[from] crate::gateway::GatewayError),
    /// A document cannot be rendered.
    #[error(transparent)]
    Document(#[from] crate::document::RenderError),
    /// The database refused or does not answer.
    #[error(transparent)]
    Store(#[from] florin_store::Error),
}

/// A field that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where: keys and indices from the body's root.
    pub path: Vec<String>,
    /// What to send instead.
    pub message: String,
    /// Machine-readable kind, in the style of the API's 422 bodies.
    pub kind: &'static str,
}

impl Error {
    /// A rule's refusal.
    pub fn refused(code: &'static str, message: impl ToString) -> Self {
        Self::Refused {
            code,
            message: message.to_string(),
        }
    }

    /// One field that is not valid; a dot in the name leads into an object.
    pub fn field(name: &str, kind: &'static str, message: impl ToString) -> Self {
        let path = name.split('.').map(str::to_owned).collect();
        Self::Invalid(vec![FieldError {
            path,
            message: message.to_string(),
            kind,
        }])
    }

    /// Both outcomes, or every bad field of the two.
    ///
    /// # Errors
    /// What the two answered.
    pub fn both<A, B>(one: Result<A>, other: Result<B>) -> Result<(A, B)> {
        match (one, other) {
            (Ok(one), Ok(other)) => Ok((one, other)),
            (Err(Self::Invalid(mut fields)), Err(Self::Invalid(more))) => {
                fields.extend(more);
                Err(Self::Invalid(fields))
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    /// Replaces the violation of a named constraint by the rule that it stands for.
    pub fn from_constraint(
        error: florin_store::Error,
        rules: &[(&str, &'static str, &str)],
    ) -> Self {
        let violated = error.constraint();
        let rule = rules
            .iter()
            .find(|(constraint, ..)| violated == Some(constraint));
        match rule {
            Some((_, code, message)) => Self::refused(code, message),
            None => Self::Store(error),
        }
    }
}
