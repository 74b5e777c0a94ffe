//! Reading what people wrote, JSON or TOML, so that everything that is wrong with it is told at once.

mod keys;
mod words;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};

use super::invalid::FieldError;
use words::Trouble;

/// The most fields that are named at once.
const MOST_ERRORS: usize = 100;

/// A document as it was written: well-formed, of whatever meaning.
#[derive(Clone, Debug)]
pub struct Document {
    value: Value,
    /// Fields that are there twice, which a [`Value`] can't show any more.
    twice: Vec<FieldError>,
}

impl Document {
    /// Reads JSON.
    ///
    /// # Errors
    /// Why it is none, in words such as `something follows behind its end (line 1, column 4)`.
    pub fn of_json(text: &[u8]) -> Result<Self, String> {
        let (value, twice) = keys::read(text).map_err(|error| words::syntax(&error))?;
        let twice = twice.into_iter().map(|pointer| FieldError { pointer, detail: "it is there twice".to_owned() });
        Ok(Self { value, twice: twice.collect() })
    }

    /// Reads TOML.
    ///
    /// # Errors
    /// Why it is none, and where.
    pub fn of_toml(text: &str) -> Result<Self, String> {
        let read = toml::Deserializer::parse(text).and_then(keys::read_all);
        let value = read.map_err(|error| error.to_string().trim().to_owned())?;
        Ok(Self { value, twice: Vec::new() })
    }

    /// Makes a `T` of it, and names every field that can't be taken. Such a field is left out, so there may be a `T` all the
    /// same.
    #[must_use]
    pub fn read<T: DeserializeOwned>(self) -> (Option<T>, Vec<FieldError>) {
        let Self { mut value, twice } = self;
        if !value.is_object() {
            return (None, vec![FieldError { pointer: String::new(), detail: "it must be an object".to_owned() }]);
        }
        let mut errors: Vec<FieldError> = Vec::new();
        let all = |errors: Vec<FieldError>| twice.into_iter().chain(errors).collect();
        // Every round finds one error; a field that is missing may take two more, until something fits in its place.
        for _ in 0..3 * MOST_ERRORS {
            let failed = match serde_path_to_error::deserialize(&value) {
                Ok(read) => return (Some(read), all(errors)),
                Err(error) => error,
            };
            let trouble = Trouble::of(failed.inner());
            let pointer = pointer(failed.path(), &trouble);
            repair(&mut value, &pointer, &trouble);
            let error = FieldError { pointer, detail: trouble.to_string() };
            // What had the wrong type is missing next, or misses something itself, which needn't be said.
            if !errors.iter().any(|known| error.is_within(known)) {
                errors.push(error);
            }
            if errors.len() > MOST_ERRORS {
                break;
            }
        }
        let detail = "there is too much wrong with it to tell all at once".to_owned();
        errors.push(FieldError { pointer: String::new(), detail });
        (None, all(errors))
    }
}

/// Takes what is wrong out of the document, so that the rest can be looked at. Where something is missing, something that it
/// could be is put in: first a text, then a number.
fn repair(document: &mut Value, pointer: &str, trouble: &Trouble) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    let name = name.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(parent) {
        Some(Value::Object(fields)) if matches!(trouble, Trouble::Missing(_)) => {
            fields.insert(name, STAND_IN.into());
        }
        Some(Value::Object(fields)) => match fields.remove(&name) {
            Some(Value::String(text)) if text == STAND_IN => drop(fields.insert(name, STAND_IN_NUMBER.into())),
            _ => {}
        },
        Some(Value::Array(items)) => {
            if let Some(item) = name.parse().ok().and_then(|index: usize| items.get_mut(index)) {
                *item = stand_in(item, trouble);
            }
        }
        _ => {}
    }
}

/// What may stand in a list for an item that can't be taken: first an object, then a text, then a number.
fn stand_in(item: &Value, trouble: &Trouble) -> Value {
    match (item, trouble) {
        (_, Trouble::NoChoice(_, choices)) => choices.first().map_or(Value::Null, |choice| choice.as_str().into()),
        (Value::Object(fields), _) if fields.is_empty() => STAND_IN.into(),
        (Value::String(text), _) if text == STAND_IN => STAND_IN_NUMBER.into(),
        _ => Value::Object(Map::new()),
    }
}

/// What stands for a text that is missing: a name that nobody gives, under which any codec can be asked for.
pub const STAND_IN: &str = "a name that is missing.mkv";
/// What stands for a number that is missing: right for a height.
const STAND_IN_NUMBER: u32 = 144;

/// The JSON pointer (RFC 6901) for a path; a field that is missing is part of it, as one that is unknown is anyway.
fn pointer(path: &Path, trouble: &Trouble) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => step(&mut pointer, &index.to_string()),
            Segment::Map { key } => step(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    if let Some(field) = trouble.missing() {
        step(&mut pointer, field);
    }
    pointer
}

/// Adds a name to a JSON pointer.
fn step(pointer: &mut String, name: &str) {
    pointer.push('/');
    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
}

#[cfg(test)]
mod tests;
