//! Reading a query string: every name must be known, and errors name the parameter.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use super::problem::Problem;
use crate::domain::invalid::FieldError;

/// The parameters of a query string, decoded, in their order.
pub(super) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs =
            query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let decoded = pairs.map(|(name, value)| Some((decode(name)?, decode(value)?))).collect::<Option<_>>();
        decoded.map(Self).ok_or_else(|| Problem::malformed("the query string is no UTF-8"))
    }
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

impl Params {
    /// Refuses parameters that aren't among `known`.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        let unknown = self.0.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        let detail = format!("there is no such parameter; there are {}", known.join(", "));
        let errors: Vec<_> =
            unknown.map(|(name, _)| FieldError { pointer: format!("?{name}"), detail: detail.clone() }).collect();
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }

    /// Every value of the parameter.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The value of the parameter, read as `T`.
    pub(super) fn get<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        let read = |value: &str| value.parse().map_err(|_| Problem::invalid_field(format!("?{name}"), expected));
        self.all(name).last().map(read).transpose()
    }

    /// Whether the parameter is there and isn't `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.all(name).last() {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(_) => Err(Problem::invalid_field(format!("?{name}"), "true or false was expected")),
        }
    }
}
