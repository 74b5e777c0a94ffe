//! Reading JSON with an eye on keys that come twice: a [`Value`] keeps the last of them and forgets the others.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::step;

/// The value, and pointers to the fields that are there twice.
pub(super) fn read(text: &[u8]) -> Result<(Value, Vec<String>), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let (mut path, mut twice) = (Vec::new(), Vec::new());
    let value = Keys { path: &mut path, twice: &mut twice }.deserialize(&mut reader)?;
    reader.end()?;
    Ok((value, twice))
}

/// The value that something else than JSON holds, where no key can be there twice.
pub(super) fn read_all<'de, D: Deserializer<'de>>(reader: D) -> Result<Value, D::Error> {
    Keys { path: &mut Vec::new(), twice: &mut Vec::new() }.deserialize(reader)
}

struct Keys<'a> {
    /// The names from the top to where it reads.
    path: &'a mut Vec<String>,
    twice: &'a mut Vec<String>,
}

impl Keys<'_> {
    fn below(&mut self, name: String) -> Keys<'_> {
        self.path.push(name);
        Keys { path: self.path, twice: self.twice }
    }

    fn note(&mut self, key: &str) {
        // A hostile body may hold very many of them under a very long path.
        if self.twice.len() <= super::MOST_ERRORS {
            let mut pointer = String::new();
            self.path.iter().map(String::as_str).chain([key]).for_each(|name| step(&mut pointer, name));
            self.twice.push(pointer);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).map(Value::Number);
        number.ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self.below(items.len().to_string()))? {
            self.path.pop();
            items.push(item);
        }
        self.path.pop();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            if fields.contains_key(&key) {
                self.note(&key);
            }
            let value = object.next_value_seed(self.below(key.clone()))?;
            self.path.pop();
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}
