//! A frame rate as a client writes it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

use crate::domain::media::FrameRate;

/// A frame rate as a client writes it: a number, or a fraction in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = Object, examples(25, 29.97, "30000/1001"))]
pub struct RequestedRate(pub FrameRate);

impl RequestedRate {
    /// The rate for a decimal number; 23.976, 29.97 and 59.94 stand for the exact fractions of television.
    #[must_use]
    pub fn of_number(number: f64) -> Option<Self> {
        const TELEVISION: [u32; 4] = [24_000, 30_000, 60_000, 120_000];
        if !(0.01..=1000.0).contains(&number) {
            return None;
        }
        let television = TELEVISION.into_iter().find(|&n| (f64::from(n) / 1001.0 - number).abs() < 0.005);
        let (numerator, denominator) = television.map_or_else(|| decimal(number), |n| (n, 1001));
        FrameRate::new(numerator, denominator).map(Self)
    }
}

/// `number` in thousandths, or in ones where it is whole.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0.01 to 1000, so it fits")]
fn decimal(number: f64) -> (u32, u32) {
    let thousandths = (number * 1000.0).round() as u32;
    if thousandths.is_multiple_of(1000) { (thousandths / 1000, 1) } else { (thousandths, 1000) }
}

impl Serialize for RequestedRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            FrameRate { numerator, denominator: 1 } => serializer.serialize_u32(numerator),
            FrameRate { numerator, denominator } => serializer.collect_str(&format_args!("{numerator}/{denominator}")),
        }
    }
}

impl<'de> Deserialize<'de> for RequestedRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "give a frame rate such as 25, 29.97 or \"30000/1001\"")]
        enum Spelling {
            Number(f64),
            Fraction(String),
        }
        let rate = match Spelling::deserialize(deserializer)? {
            Spelling::Number(number) => Self::of_number(number),
            Spelling::Fraction(text) => FrameRate::parse(&text).map(Self),
        };
        rate.ok_or_else(|| de::Error::custom("give a frame rate such as 25, 29.97 or \"30000/1001\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_rates_may_be_numbers_or_fractions() {
        let read =
            |json: &str| serde_json::from_str::<RequestedRate>(json).map(|rate| (rate.0.numerator, rate.0.denominator));
        assert_eq!(read("25").unwrap(), (25, 1));
        assert_eq!(read("29.97").unwrap(), (30_000, 1001));
        assert_eq!(read("23.976").unwrap(), (24_000, 1001));
        assert_eq!(read("12.5").unwrap(), (12_500, 1000));
        assert_eq!(read(r#""30000/1001""#).unwrap(), (30_000, 1001));
        for odd in ["0", "-25", "1e9", "\"0/0\"", "\"fast\"", "null", "[]"] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn frame_rates_come_back_as_they_were_written() {
        for json in ["25", r#""30000/1001""#] {
            let rate: RequestedRate = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&rate).unwrap(), json);
        }
    }
}
