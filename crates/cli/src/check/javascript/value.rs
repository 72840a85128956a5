//! What an expression may be, as far as Cloud Calls are concerned.

use oxc_ast::ast::{FormalParameters, ObjectExpression};
use oxc_semantic::ScopeId;

/// Something worth following.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    /// What `wx-server-sdk` exports, or an instance made by it.
    Sdk,
    /// `cloud.Cloud` and `cloud.createNewInstance`: what they make is like the SDK.
    CloudClass,
    /// `cloud.openapi`.
    OpenApi,
    /// `cloud.openapi.x`.
    Category(&'a str),
    /// What `createRequire` gives.
    Require,
    /// A text that is written down.
    Text(&'a str),
    /// The exports of a file, by its number.
    Module(usize),
    /// `this` in a file: one for all of its classes.
    This(usize),
    Object(usize, &'a ObjectExpression<'a>),
    Function(Function<'a>),
    /// A class, by its constructor if it has one.
    Class(usize, Option<Function<'a>>),
}

/// A function of the sources.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function<'a> {
    pub(super) file: usize,
    pub(super) scope: ScopeId,
    pub(super) parameters: &'a FormalParameters<'a>,
}

impl PartialEq for Function<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.file, self.scope) == (other.file, other.scope)
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sdk, Self::Sdk)
            | (Self::CloudClass, Self::CloudClass)
            | (Self::OpenApi, Self::OpenApi)
            | (Self::Require, Self::Require) => true,
            (Self::Category(one), Self::Category(other)) | (Self::Text(one), Self::Text(other)) => {
                one == other
            }
            (Self::Module(one), Self::Module(other)) | (Self::This(one), Self::This(other)) => {
                one == other
            }
            (Self::Object(file, one), Self::Object(other_file, other)) => {
                (file, one.span) == (other_file, other.span)
            }
            (Self::Function(one), Self::Function(other)) => one == other,
            (Self::Class(file, one), Self::Class(other_file, other)) => {
                (file, one) == (other_file, other)
            }
            _ => false,
        }
    }
}

impl Value<'_> {
    /// How to call it in a message, if Cloud Calls can be made through it.
    pub(super) fn leads_to_calls(&self) -> Option<String> {
        match self {
            Self::Sdk => Some("wx-server-sdk".into()),
            Self::OpenApi => Some("openapi".into()),
            Self::Category(category) => Some(format!("openapi.{category}")),
            _ => None,
        }
    }
}

/// So many functions, objects and texts are followed at one place; in a bundle, `this.x` may be
/// any of thousands.
const MANY: usize = 64;

/// All that an expression may be.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Values<'a> {
    pub(super) known: Vec<Value<'a>>,
    /// It may be something else, too.
    pub(super) or_else: bool,
}

impl<'a> Values<'a> {
    /// Something that is not followed.
    pub(super) fn unknown() -> Self {
        Self {
            known: Vec::new(),
            or_else: true,
        }
    }

    /// Takes in what another may be; says whether that is news.
    pub(super) fn add(&mut self, other: &Self) -> bool {
        let mut news = other.or_else && !self.or_else;
        self.or_else |= other.or_else;
        for value in &other.known {
            if self.known.contains(value) {
                continue;
            }
            if self.known.len() < MANY || value.leads_to_calls().is_some() {
                self.known.push(*value);
                news = true;
            } else {
                news |= !self.or_else;
                self.or_else = true;
            }
        }
        news
    }

    /// Both.
    #[must_use]
    pub(super) fn or(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }

    /// The texts, where nothing else is possible.
    pub(super) fn texts(&self) -> Option<Vec<&'a str>> {
        let text = |value: &Value<'a>| match value {
            Value::Text(text) => Some(*text),
            _ => None,
        };
        let texts: Option<Vec<_>> = self.known.iter().map(text).collect();
        texts.filter(|texts| !self.or_else && !texts.is_empty())
    }

    /// Without what leads to no Cloud Call.
    #[must_use]
    pub(super) fn calls_only(mut self) -> Self {
        self.known.retain(|value| value.leads_to_calls().is_some());
        self.or_else = true;
        self
    }

    /// Without texts: they are followed through constants only.
    #[must_use]
    pub(super) fn without_texts(mut self) -> Self {
        let before = self.known.len();
        self.known.retain(|value| !matches!(value, Value::Text(_)));
        self.or_else |= self.known.len() < before;
        self
    }
}

impl<'a> From<Value<'a>> for Values<'a> {
    fn from(value: Value<'a>) -> Self {
        Self {
            known: vec![value],
            or_else: false,
        }
    }
}
