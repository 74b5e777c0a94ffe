//! Everything the README says is true: each of its commands exists, with those flags and those bodies.

use std::path::Path;
use std::process::Command;

use transcoded::domain::preset::Presets;
use transcoded::domain::request::JobRequest;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The commands of the README's shell blocks, continued lines joined, without their comments.
fn commands() -> Vec<String> {
    let readme = readme();
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(|block| {
        let mut commands = vec![String::new()];
        let mut quoted = false;
        for line in block.lines() {
            let code = if quoted { line } else { line.split(" #").next().unwrap() };
            quoted ^= code.matches('\'').count() % 2 == 1;
            commands.last_mut().unwrap().push_str(code);
            if quoted {
                commands.last_mut().unwrap().push('\n');
            } else {
                commands.push(String::new());
            }
        }
        commands
    });
    lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn every_command_of_ours_exists_with_its_flags() {
    let ours: Vec<_> = commands().into_iter().filter(|line| line.starts_with("transcoded ")).collect();
    assert!(ours.len() >= 5, "{ours:?}");
    for line in ours {
        // Flags before --help are checked; with it nothing is done.
        let line = line.replace("$ID", "019234ab-5678-7def-8123-456789abcdef");
        let arguments: Vec<_> = line.split_whitespace().skip(1).chain(["--help"]).collect();
        let output = Command::new(env!("CARGO_BIN_EXE_transcoded")).args(&arguments).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn every_make_target_exists() {
    let targets: Vec<_> =
        commands().into_iter().filter_map(|line| line.strip_prefix("make ").map(str::to_owned)).collect();
    assert!(targets.contains(&"run".to_owned()) && targets.contains(&"test".to_owned()), "{targets:?}");
    let makefile = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Makefile")).unwrap();
    for target in targets {
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
}

#[test]
fn every_example_program_exists() {
    for line in commands() {
        if let Some(name) = line.strip_prefix("cargo run --example ") {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{name}.rs"));
            assert!(file.exists(), "{}", file.display());
        }
    }
}

#[test]
fn every_job_in_it_can_be_submitted() {
    let bodies: Vec<_> = commands()
        .into_iter()
        .filter_map(|line| Some(line.split_once("-d '")?.1.split('\'').next()?.to_owned()))
        .collect();
    assert!(!bodies.is_empty());
    for body in bodies {
        let request: JobRequest = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        request.check(&Presets::built_in(), false).unwrap_or_else(|errors| panic!("{errors:?}: {body}"));
    }
}

#[test]
fn every_file_it_links_to_is_there() {
    let readme = readme();
    let links = readme.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    for link in links.filter(|link| !link.contains("://")) {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(link).exists(), "{link}");
    }
}
