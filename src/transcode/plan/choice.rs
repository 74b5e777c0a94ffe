//! Which frames of a film become still pictures.

use std::time::Duration;

use super::span::seconds;

/// How the frames of an output are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The earliest time of the next picture, of which ffmpeg has `selected_n` already.
    due: String,
    /// From when on there are none, where that isn't where the film ends.
    until: Option<Duration>,
    /// How many there are at most, where that is known.
    pub(super) count: Option<u64>,
    /// Whether there can't be fewer.
    pub(super) sure: bool,
    /// Which ones, in words for people.
    pub(super) reason: String,
}

impl Choice {
    /// The first frame at or after `time`; `reason` says which one.
    pub(super) fn one(time: Duration, reason: String) -> Self {
        Self { due: seconds(time), until: None, count: Some(1), sure: true, reason }
    }

    /// One that is looked for when the job runs, where a plan is only shown.
    pub(super) fn unmeasured() -> Self {
        let reason = "a picture that isn't black, which is looked for when the job runs".to_owned();
        Self { due: "{measured}".to_owned(), until: None, count: Some(1), sure: true, reason }
    }

    /// The first frame at or after each time, of which none is earlier than the one before; there may be fewer unless it is
    /// `sure` that there aren't.
    pub(super) fn at(times: &[Duration], sure: bool) -> Self {
        let reason = match times.len() {
            1 => "a picture at a chosen time".to_owned(),
            count => format!("{count} pictures at chosen times"),
        };
        Self { due: bisected(times, 0), until: None, count: Some(times.len() as u64), sure, reason }
    }

    /// A frame after each interval, for as long as `limit`.
    pub(super) fn every(interval: Duration, from: Duration, limit: Option<Duration>) -> Self {
        let reason = format!("a picture every {:.1} s", interval.as_secs_f64());
        Self { due: repeated(interval, from), until: limit.map(|limit| from + limit), count: None, sure: false, reason }
    }

    /// So many frames, one after each interval; there may be fewer unless it is `sure` that there aren't.
    pub(super) fn evenly(count: u64, interval: Duration, from: Duration, sure: bool) -> Self {
        let reason = format!("{count} pictures, evenly spread");
        Self { due: repeated(interval, from), until: None, count: Some(count), sure, reason }
    }

    /// ffmpeg's filters. They take no more than there are to be, as whatever follows them would work in vain. Times are
    /// rounded to the microsecond first, so that the same are chosen of frames that were deinterlaced, which halves the unit
    /// of their times, and of those that weren't.
    pub(super) fn filter(&self) -> String {
        let most = self.count.map(|count| format!("lt(selected_n,{count})*")).unwrap_or_default();
        let until = self.until.map(|until| format!("*lt(t,{})", seconds(until))).unwrap_or_default();
        format!("settb=AVTB,select='{most}gte(t,{}){until}'", self.due)
    }
}

fn repeated(interval: Duration, from: Duration) -> String {
    format!("{}+selected_n*{}", seconds(from), seconds(interval))
}

/// The time of picture `selected_n`, of which `first` is the number of the first. ffmpeg refuses expressions that are a
/// hundred deep, and a sum of a hundred terms is; this is as deep as its number of times has binary digits.
fn bisected(times: &[Duration], first: usize) -> String {
    match times {
        [] => "0".to_owned(),
        [time] => seconds(*time),
        _ => {
            let (early, late) = times.split_at(times.len() / 2);
            let middle = first + early.len();
            format!("if(lt(selected_n,{middle}),{},{})", bisected(early, first), bisected(late, middle))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_chosen_by_time() {
        let millis = |times: &[u64]| times.iter().copied().map(Duration::from_millis).collect::<Vec<_>>();
        let (one, three) = (Choice::at(&millis(&[1500]), true), Choice::at(&millis(&[500, 2000, 7000]), true));
        assert_eq!(one.filter(), "settb=AVTB,select='lt(selected_n,1)*gte(t,1.500)'");
        let due = "if(lt(selected_n,1),0.500,if(lt(selected_n,2),2.000,7.000))";
        assert_eq!(three.filter(), format!("settb=AVTB,select='lt(selected_n,3)*gte(t,{due})'"));
        let every = Choice::every(Duration::from_secs(2), Duration::from_secs(1), Some(Duration::from_secs(5)));
        assert_eq!(every.filter(), "settb=AVTB,select='gte(t,1.000+selected_n*2.000)*lt(t,6.000)'");
        let evenly = Choice::evenly(3000, Duration::from_secs(1) / 3, Duration::ZERO, true);
        assert_eq!(evenly.filter(), "settb=AVTB,select='lt(selected_n,3000)*gte(t,0.000+selected_n*0.333333)'");
    }

    #[test]
    fn many_times_nest_no_deeper_than_ffmpeg_reads() {
        let times: Vec<Duration> = (0..200).map(|hours| Duration::from_secs(hours * 3600)).collect();
        let filter = Choice::at(&times, true).filter();
        let mut depth = 0_i32;
        let depths = filter.chars().map(|letter| {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            depth
        });
        assert_eq!(depths.max(), Some(10));
        assert_eq!(depth, 0);
        assert!(filter.len() < 8000, "{}", filter.len());
    }
}
