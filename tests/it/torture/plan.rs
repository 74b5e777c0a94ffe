//! How a server is to live and die.

use std::time::Duration;

use fastrand::Rng;
use transcoded::failpoint::Point;

/// How a server is to live and die.
pub struct Plan {
    /// Where it dies by itself, at the latest.
    pub fate: Option<(Point, u32)>,
    pub end: End,
}

/// How it ends.
pub enum End {
    /// Killed at this age, ready or not.
    AtStart(Duration),
    /// Killed so long after it was ready.
    Random(Duration),
    /// It dies by itself, where it comes to the place.
    Named,
    /// Stopped by SIGTERM so long after it was ready, and killed where it takes too long.
    Stop { age: Duration, patience: Option<Duration> },
}

/// The places to which everyday life leads.
const EVERYDAY: [Point; 15] = [
    Point::Recovering,
    Point::Recovered,
    Point::BeforeCommit,
    Point::AfterCommit,
    Point::SubmitCommitted,
    Point::CancelCommitted,
    Point::PauseCommitted,
    Point::RetryCommitted,
    Point::ClaimCommitted,
    Point::ProcessStarted,
    Point::FfmpegEnded,
    Point::OutputsVerified,
    Point::OutputsRenamed,
    Point::OutputsPublished,
    Point::EndRecorded,
];

impl Plan {
    pub fn draw(rng: &mut Rng) -> Self {
        let millis = |rng: &mut Rng, most| Duration::from_millis(rng.u64(..most));
        match rng.u8(..100) {
            0..12 => Self { fate: None, end: End::AtStart(millis(rng, 150)) },
            12..50 => Self { fate: None, end: End::Random(millis(rng, 400)) },
            50..90 => {
                let point = rng.choice(EVERYDAY).expect("there are some");
                let most = match point {
                    Point::Recovering | Point::Recovered => 1,
                    Point::BeforeCommit | Point::AfterCommit => 12,
                    _ => 3,
                };
                Self { fate: Some((point, rng.u32(1..=most))), end: End::Named }
            }
            _ => {
                let fate = rng.choice([None, None, Some((Point::Stopping, 1)), Some((Point::Stopped, 1))]).flatten();
                let patience = rng.bool().then(|| millis(rng, 150));
                Self { fate, end: End::Stop { age: millis(rng, 400), patience } }
            }
        }
    }
}
