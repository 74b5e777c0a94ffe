//! The caller's pause switch, as the run sees it.
//!
//! What a pause does to the process and its clock is up to `vigil`.

use std::future::pending;

use tokio::sync::watch;

/// The switch of one run.
#[derive(Debug)]
pub(super) struct Switch {
    /// `None` where there is nobody who could end a pause.
    wanted: Option<watch::Receiver<bool>>,
}

impl Switch {
    pub(super) fn new(wanted: Option<watch::Receiver<bool>>) -> Self {
        Self { wanted }
    }

    /// Waits until the switch no longer stands as `paused` says, and returns how it stands then.
    ///
    /// A switch whose other end is gone stands at "go on" for ever.
    ///
    /// Cancel safety: a dropped wait misses nothing.
    pub(super) async fn turned(&mut self, paused: bool) -> bool {
        if let Some(wanted) = &mut self.wanted {
            let turned = wanted.wait_for(|wanted| *wanted != paused).await.is_ok();
            // The value stays when the sender goes, so a `true` may be nobody's wish any more.
            if turned && wanted.has_changed().is_ok() {
                return !paused;
            }
            self.wanted = None;
        }
        if paused { false } else { pending().await }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_switch_tells_only_of_what_is_not_so_yet() {
        let (sender, receiver) = watch::channel(true);
        let mut switch = Switch::new(Some(receiver));
        assert_eq!(switch.turned(false).now_or_never(), Some(true));
        assert_eq!(switch.turned(true).now_or_never(), None);
        sender.send_replace(false);
        sender.send_replace(true);
        assert_eq!(switch.turned(true).now_or_never(), None, "between two looks it went there and back");
        sender.send_replace(false);
        assert_eq!(switch.turned(true).now_or_never(), Some(false));
        assert_eq!(switch.turned(false).now_or_never(), None);
    }

    #[test]
    fn a_switch_that_nobody_holds_pauses_nothing_and_keeps_nothing_paused() {
        for last in [false, true] {
            let (sender, receiver) = watch::channel(false);
            let mut switch = Switch::new(Some(receiver));
            sender.send_replace(last);
            drop(sender);
            assert_eq!(switch.turned(true).now_or_never(), Some(false));
            assert_eq!(switch.turned(false).now_or_never(), None);
        }
        assert_eq!(Switch::new(None).turned(false).now_or_never(), None);
    }
}
