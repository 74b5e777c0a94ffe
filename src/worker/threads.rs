//! How many threads an encoder gets.

/// The encoder threads of a job that starts now; 0 leaves the choice to the encoder, which then takes all cores.
///
/// A job that is alone is done soonest with all cores. Jobs that fill the slots get most done per hour with fewer threads
/// each: measured on two cores, two jobs with one thread each need 6 to 14 % less CPU than with two each.
///
/// `busy` counts the jobs that run with it, itself included; `waiting` those that could run but have no slot.
pub(super) fn encoder_threads(cores: usize, slots: usize, busy: usize, waiting: usize) -> u32 {
    let side_by_side = (busy + waiting).min(slots).max(1);
    if side_by_side == 1 {
        return 0;
    }
    u32::try_from(cores / side_by_side).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_alone_has_the_machine_and_a_full_queue_shares_it() {
        assert_eq!(encoder_threads(8, 8, 1, 0), 0);
        assert_eq!(encoder_threads(8, 8, 2, 0), 4);
        assert_eq!(encoder_threads(8, 8, 3, 0), 2);
        assert_eq!(encoder_threads(8, 8, 1, 100), 1);
        assert_eq!(encoder_threads(8, 2, 1, 100), 4);
        assert_eq!(encoder_threads(2, 4, 4, 0), 1);
        assert_eq!(encoder_threads(8, 1, 1, 100), 0);
    }
}
