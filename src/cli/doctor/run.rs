//! Looks at everything in turn and sums it up.

use super::disk::data_folder;
use super::finding::{Level, for_people, for_programs, worst};
use super::server::server;
use super::tools::tools;
use crate::cli::args::Doctor;
use crate::cli::client::Client;
use crate::cli::error::Error;
use crate::cli::outcome::Outcome;
use crate::cli::print::print;

/// Explains the machine. A server that was named has to answer; the usual one need not run.
pub(in crate::cli) async fn doctor(client: &Client, args: &Doctor, server_named: bool) -> Result<Outcome, Error> {
    let (mut findings, server) = tokio::join!(tools(), server(client, server_named));
    findings.push(data_folder(&args.data_dir));
    findings.push(server);
    print(&if args.json { for_programs(&findings) } else { for_people(&findings) })?;
    Ok(if worst(&findings) == Level::Problem { Outcome::Failed } else { Outcome::Done })
}
