//! Points in time, and the clock that they come from.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

/// A point in time in milliseconds since 1970, UTC; RFC 3339 in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-01-31T12:00:00.000Z"))]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time so many milliseconds after the start of 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the start of 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The time so much later.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time so much earlier.
    #[must_use]
    pub fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Milliseconds from `earlier` until this time; 0 where that is not before it.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{time:.3}")
    }
}

impl Timestamp {
    /// The time as headers of HTTP spell it, e.g. `Sat, 31 Jan 2026 12:00:00 GMT`.
    #[must_use]
    pub fn http_date(self) -> String {
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: jiff::Timestamp =
            text.parse().map_err(|_| de::Error::custom("give a time such as \"2026-01-31T18:00:00Z\""))?;
        Ok(Self(time.as_millisecond()))
    }
}

/// Where the time comes from; tests bring their own.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time of day, which somebody may set forward or back.
    fn now(&self) -> Timestamp;

    /// How long this process has been watching: it only grows, whatever becomes of the time of day. Leases go by it.
    fn steady(&self) -> Duration;
}

/// A clock that everything in one server shares.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }

    fn steady(&self) -> Duration {
        static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGINNING.elapsed()
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: AtomicI64,
    steady: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `time`.
    #[must_use]
    pub const fn at(time: Timestamp) -> Self {
        Self { now: AtomicI64::new(time.0), steady: AtomicU64::new(0) }
    }

    /// Lets so much time pass.
    pub fn pass(&self, millis: u32) {
        self.now.fetch_add(millis.into(), Ordering::SeqCst);
        self.steady.fetch_add(millis.into(), Ordering::SeqCst);
    }

    /// Sets the time of day forward, or back where `millis` is negative; no time passes.
    pub fn set_by(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(self.steady.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_with_milliseconds() {
        let time = Timestamp::from_millis(1_769_860_800_007);
        assert_eq!(serde_json::to_string(&time).unwrap(), r#""2026-01-31T12:00:00.007Z""#);
        assert_eq!(serde_json::from_str::<Timestamp>(r#""2026-01-31T12:00:00.007Z""#).unwrap(), time);
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_clock_set_back_yields_no_negative_durations() {
        let clock = ManualClock::at(Timestamp::from_millis(1000));
        let before = clock.now();
        clock.set_by(-500);
        assert_eq!(clock.now().millis_since(before), 0);
    }
}
