//! What every store has to do.

mod attempts;
mod reading;
mod turns;

use attempts::*;
use reading::*;
use turns::*;

use super::backend::World;

macro_rules! suite {
    ($backend:ident: $($name:ident)*) => {$(
        #[tokio::test]
        async fn $name() {
            super::$name(World::new(Box::new($backend::new()))).await;
        }
    )*};
}

macro_rules! for_each_store {
    ($($module:ident: $backend:ident),*) => {$(
        mod $module {
            use super::World;
            use super::super::backend::$backend;

            suite! { $backend:
                a_submitted_job_is_there_after_a_restart
                higher_priority_comes_first_and_equal_ones_in_order
                a_stale_lease_can_write_nothing
                leases_grow_over_jobs_restarts_and_purges
                a_lease_that_is_not_renewed_is_over_and_one_that_is_stays
                a_clock_that_is_set_ends_no_lease_and_loses_no_job
                a_passing_failure_waits_and_is_tried_again_until_the_attempts_are_used_up
                a_lasting_failure_fails_at_once
                a_job_that_takes_the_server_down_again_and_again_is_set_aside
                a_retry_keeps_the_history_and_gives_all_attempts_anew
                a_cancel_asked_for_before_a_crash_is_honoured_after_it
                cancelling_answers_by_the_jobs_state
                a_cancel_while_a_retry_waits_is_final
                a_queued_job_is_held_while_it_is_paused
                a_paused_attempt_stays_open_and_goes_on_with_its_lease
                a_paused_attempt_is_asked_to_stop_and_a_held_job_is_cancelled_at_once
                a_pause_survives_a_restart_as_what_it_means
                an_attempt_that_ends_before_the_pause_takes_hold_ends_the_job
                a_job_does_not_start_before_its_time
                the_lowest_job_starts_in_a_bounded_time_while_higher_ones_keep_coming
                the_turn_of_the_patient_goes_to_the_one_that_has_waited_longest
                priorities_keep_their_order_as_long_as_nobody_has_lost_patience
                one_key_makes_one_job_however_often_it_is_sent
                a_key_remembers_a_removed_job_whose_events_were_too_many
                what_was_sent_is_carried_out_though_nobody_waits_for_it
                one_refused_write_undoes_nothing_of_its_neighbours
                the_input_of_a_job_that_is_not_over_is_needed
                a_full_queue_takes_no_more_until_there_is_room
                events_are_complete_in_order_and_never_renumbered
                the_history_is_bounded_and_says_where_it_begins
                what_is_over_is_kept_by_state_and_age
                tidying_goes_in_small_steps
                pages_neither_repeat_nor_skip_while_jobs_arrive
                only_jobs_that_are_over_can_be_removed
                counts_agree_with_the_jobs
                the_snapshot_is_bounded_and_holds_what_runs
            }
        }
    )*};
}

for_each_store! { sqlite: Sqlite }
