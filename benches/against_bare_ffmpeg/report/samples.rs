//! Many measurements of one thing, and how they are written: the median, with the least and the most.

use std::time::Duration;

/// Measurements, in ascending order; never empty.
#[derive(Clone, Debug)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        assert!(!values.is_empty(), "something was measured");
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    pub(crate) fn seconds<'a>(times: impl IntoIterator<Item = &'a Duration>) -> Self {
        Self::new(times.into_iter().map(Duration::as_secs_f64))
    }

    pub(crate) fn millis<'a>(times: impl IntoIterator<Item = &'a Duration>) -> Self {
        Self::new(times.into_iter().map(|time| time.as_secs_f64() * 1e3))
    }

    /// What was measured in the same round, divided one by one.
    pub(crate) fn ratios(ours: &[f64], theirs: &[f64]) -> Self {
        Self::new(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs))
    }

    pub(crate) fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        if self.0.len() % 2 == 1 { self.0[middle] } else { f64::midpoint(self.0[middle - 1], self.0[middle]) }
    }

    /// The least value that so many percent are not above.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        self.0[(self.0.len() * percent).div_ceil(100).max(1) - 1]
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// `2.1 (1.9 … 3.2)`, with `unit` behind the median.
    pub(crate) fn shown(&self, digits: usize, unit: &str) -> String {
        let (least, most) = (self.0[0], self.0[self.0.len() - 1]);
        let number = |value: f64| number(value, digits);
        if self.0.len() == 1 {
            return format!("{}{unit}", number(least));
        }
        format!("{}{unit} ({} … {})", number(self.median()), number(least), number(most))
    }
}

/// A number with spaces between its thousands.
fn number(value: f64, digits: usize) -> String {
    let plain = format!("{value:.digits$}");
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut text = String::new();
    for (index, digit) in whole.char_indices() {
        let left = whole.len() - index;
        if index > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            // One that doesn't break.
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text + rest
}
