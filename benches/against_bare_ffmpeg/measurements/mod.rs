//! One module for each measurement: it says how it measures and yields its rows.

mod jobs;
mod media;
mod memory;
mod starting;
mod startup;
mod stopping;
mod submits;

use crate::ground::{Result, World};
use crate::report::Section;

/// All measurements, in the order of the document.
pub(crate) const NAMES: [&str; 7] = ["jobs", "media", "submits", "starting", "stopping", "startup", "memory"];

/// Carries out the measurement of that name.
pub(crate) async fn measure(name: &str, world: &World) -> Result<Section> {
    match name {
        "jobs" => jobs::measure(world).await,
        "media" => media::measure(world).await,
        "submits" => submits::measure(world).await,
        "starting" => starting::measure(world).await,
        "stopping" => stopping::measure(world).await,
        "startup" => startup::measure(world).await,
        "memory" => memory::measure(world).await,
        unknown => Err(format!("there is no measurement {unknown}; there are {}", NAMES.join(", ")).into()),
    }
}
