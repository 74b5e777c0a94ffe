//! Many jobs, one after the other.

use futures_util::StreamExt as _;

use crate::harness::{Options, Server, eventually, memory_kib, processes_naming, victim, zombies_of};

/// Submits jobs and waits until all there are have succeeded.
async fn run(server: &Server, more: usize, in_all: usize) {
    let body = victim();
    let submits = futures_util::stream::iter((0..more).map(|_| server.submit(&body)));
    submits.buffer_unordered(20).collect::<Vec<_>>().await;
    eventually("all jobs to succeed", || async {
        let text = server.client.get(format!("{}/metrics", server.url)).send().await.unwrap().text().await.unwrap();
        let line = text.lines().find(|line| line.starts_with("transcoded_jobs_finished_total{state=\"succeeded\"}"));
        let count: Option<usize> = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        (count == Some(in_all)).then_some(())
    })
    .await;
}

fn open_files(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

#[tokio::test]
async fn a_thousand_jobs_leave_no_zombie_no_scratch_folder_and_no_growth() {
    let options = Options { believes: true, ..Options::default() };
    let server = Server::start_with(options.faking(r#"exec cp "$ready" "$out""#));
    run(&server, 200, 200).await;
    let (memory, files) = (memory_kib(server.pid(), "VmRSS"), open_files(&server));
    for round in 1..=4 {
        run(&server, 200, 200 + round * 200).await;
    }
    let grown = memory_kib(server.pid(), "VmRSS").saturating_sub(memory);
    // The last 1,024 events are kept in memory, and 200 jobs have made 600.
    assert!(grown < 12 * 1024, "800 jobs made the server grow by {grown} KiB");
    assert!(open_files(&server) < files + 20, "{files} open files became {}", open_files(&server));
    assert_eq!(zombies_of(server.pid()), [0; 0]);
    assert_eq!(std::fs::read_dir(server.data_dir().join("work")).unwrap().count(), 0);
    let left = processes_naming(server.data_dir().to_str().unwrap());
    assert_eq!(left.len(), 1, "nothing but the server: {left:?}");
    assert_eq!(std::fs::read_dir(server.data_dir().join("jobs")).unwrap().count(), 1000);
}
