//! What becomes of each input by each preset, against what the plan promised.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::available;
use super::oracle::Case;
use super::read;
use crate::harness::{Server, Source, Trouble, long_run, media_root};

/// Into how many tests the inputs are divided.
const SHARDS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn every_source_becomes_what_every_preset_promises() {
    shard(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_second_source_becomes_what_every_preset_promises() {
    shard(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_third_source_becomes_what_every_preset_promises() {
    shard(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fourth_source_becomes_what_every_preset_promises() {
    shard(3).await;
}

async fn shard(number: usize) {
    let server = Server::start();
    let presets = server.get("/v1/presets").await.1["items"].as_array().unwrap().clone();
    let mut wrong = Vec::new();
    let mine = available(|place| place % SHARDS == number);
    for (place, source) in &mine {
        for (preset, faults) in all_of(&server, source, &chosen(*place, &presets)).await {
            for fault in faults {
                eprintln!("{} by {preset}: {fault}", source.name);
                wrong.push(format!("{} by {preset}: {fault}", source.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All presets, or two of them, so that all have their turn.
fn chosen(place: usize, presets: &[Value]) -> Vec<Value> {
    let asked = std::env::var("TRANSCODED_TEST_PRESET").ok();
    let count = presets.len();
    let turns = [place * 7 % count, (place * 7 + 5 + place / count) % count];
    let numbered = presets.iter().enumerate();
    let chosen = numbered.filter(|(number, preset)| match &asked {
        Some(name) => preset["name"] == name.as_str(),
        None => long_run() || turns.contains(number),
    });
    chosen.map(|(_, preset)| preset.clone()).collect()
}

/// Plans and runs a job for each preset; both slots of the server have work.
async fn all_of(server: &Server, source: &Source, presets: &[Value]) -> Vec<(String, Vec<String>)> {
    let mut started = Vec::new();
    for preset in presets {
        let body = body(source, preset);
        let (status, plan) = server.post("/v1/plan", &body).await;
        assert_eq!(status, 200, "{plan:#}");
        started.push((preset, plan, server.post("/v1/jobs", &body).await));
    }
    let mut found = Vec::new();
    for (preset, plan, (status, answer)) in started {
        let faults = if status == 201 {
            let id = answer["id"].as_str().unwrap();
            let job = server.over(id).await;
            let faults = judge(server, source, preset, &plan, &job);
            server.delete(&format!("/v1/jobs/{id}")).await;
            faults
        } else {
            refused(&plan, &answer)
        };
        found.push((preset["name"].as_str().unwrap().to_owned(), faults));
    }
    found
}

fn body(source: &Source, preset: &Value) -> Value {
    let folder = ["package", "thumbnails", "storyboard"].iter().any(|shape| preset[shape].is_object());
    let name = match preset["container"].as_str() {
        _ if folder => "out".to_owned(),
        Some(container) => format!("out.{container}"),
        None => "out.mkv".to_owned(),
    };
    json!({ "input": source.input(), "mode": "slim", "outputs": [{ "name": name, "preset": preset["name"] }] })
}

/// A job that wasn't taken: the plan must have said the same.
fn refused(plan: &Value, answer: &Value) -> Vec<String> {
    let same = plan["feasible"] == false && details(plan).any(|detail| details(answer).any(|other| other == detail));
    if same { Vec::new() } else { vec![format!("refused with {answer}, planned: {}", plan["errors"])] }
}

fn details(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["errors"].as_array().into_iter().flatten().map(|error| &error["detail"])
}

/// What is wrong with a job that is over.
fn judge(server: &Server, source: &Source, preset: &Value, plan: &Value, job: &Value) -> Vec<String> {
    let failure = &job["error"];
    let mut wrong = surprising(source, preset, plan);
    match job["state"].as_str() {
        Some("succeeded") if plan["feasible"] == true => {
            let folder = server.data_dir().join("jobs").join(job["id"].as_str().unwrap()).join("1/outputs");
            wrong.extend(outputs(source, preset, plan, &folder));
        }
        Some("failed") if plan["feasible"] == false => {
            if details(plan).all(|detail| *detail != failure["message"]) {
                wrong.push(format!("it failed with {failure}, planned: {}", plan["errors"]));
            }
        }
        Some("failed") if source.facts.trouble.is_some() && failure["code"] == "input_invalid" => {}
        state => wrong.push(format!("it {state:?} with {failure}, planned: {}, {}", plan["feasible"], plan["errors"])),
    }
    if ["ffmpeg_failed", "internal", "output_invalid"].iter().any(|code| failure["code"] == *code) {
        wrong.push(format!("it failed with {failure}"));
    }
    wrong
}

/// A plan that says no without one of the reasons that we know.
fn surprising(source: &Source, preset: &Value, plan: &Value) -> Vec<String> {
    let facts = &source.facts;
    let wants_sound =
        preset["video"]["codec"] == "none" && preset["thumbnails"].is_null() && preset["container"] != "jpg";
    let no_video = facts.video.is_none() && !wants_sound;
    let no_sound = facts.sounds.is_empty() && wants_sound;
    let nothing = facts.video.is_none() && facts.sounds.is_empty();
    let uncopied = preset["name"] == "remux" && facts.uncopied;
    let small = facts.video.is_some() && facts.size.0.min(facts.size.1) < 64 && facts.size.0 < 1000;
    let no = no_video || no_sound || nothing || facts.trouble == Some(Trouble::Damaged);
    match plan["feasible"] == true {
        true if no_video || no_sound || nothing => vec!["it can't be feasible".to_owned()],
        false if !no && !small && !uncopied => vec![format!("it should be feasible, but {}", plan["errors"])],
        _ => Vec::new(),
    }
}

fn outputs(source: &Source, preset: &Value, plan: &Value, folder: &Path) -> Vec<String> {
    let input = media_root().join(source.input());
    let mut wrong = Vec::new();
    for planned in plan["outputs"].as_array().into_iter().flatten() {
        let case = Case { source, input: &input, preset, planned };
        let path = folder.join(planned["name"].as_str().unwrap());
        wrong.extend(match path.join("master.m3u8") {
            master if master.exists() => package(&case, &path, planned),
            _ if planned["container"] == "jpg" => pictures(&case, &path, planned),
            _ => case.check_file(&path, &planned["holds"][0]),
        });
    }
    wrong
}

/// Each rendition of a package by its own list, and all of them by the lists of the whole.
fn package(case: &Case<'_>, folder: &Path, planned: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut lists = lists(folder);
    for holds in planned["holds"].as_array().into_iter().flatten() {
        let place = lists.iter().position(|list| read::probe(list).is_ok_and(|found| is_of(&found, holds)));
        match place.map(|place| lists.remove(place)) {
            Some(list) => wrong.extend(case.check_file(&list, holds)),
            None => wrong.push(format!("there is no rendition like {holds}")),
        }
    }
    wrong.extend(lists.iter().map(|list| format!("nobody planned {}", list.display())));
    for list in ["master.m3u8", "manifest.mpd"] {
        let decoded = read::decode(&folder.join(list));
        if !decoded.complaints.is_empty() && !case.may_complain(&decoded) {
            wrong.push(format!("decoding {list}, ffmpeg says: {}", decoded.complaints));
        }
    }
    wrong
}

fn is_of(found: &Value, holds: &Value) -> bool {
    let stream = &found["streams"][0];
    if holds["video"].is_null() {
        stream["codec_type"] == "audio"
    } else {
        stream["height"] == holds["video"]["height"]
    }
}

/// The lists of all renditions.
fn lists(folder: &Path) -> Vec<PathBuf> {
    let kinds = ["video", "audio"].map(|kind| folder.join(kind));
    let renditions = kinds.iter().filter_map(|kind| std::fs::read_dir(kind).ok()).flatten();
    let mut lists: Vec<PathBuf> = renditions.map(|entry| entry.unwrap().path().join("index.m3u8")).collect();
    lists.sort();
    lists
}

/// Every picture of a folder, or the one.
fn pictures(case: &Case<'_>, path: &Path, planned: &Value) -> Vec<String> {
    let files: Vec<PathBuf> = match std::fs::read_dir(path) {
        Ok(entries) => entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "jpg"))
            .collect(),
        Err(_) => vec![path.to_owned()],
    };
    let sheets = case.preset["storyboard"].is_object();
    let size = &planned["holds"][0]["video"];
    let mut wrong: Vec<String> = Vec::new();
    if files.is_empty() {
        wrong.push("there are no pictures".to_owned());
    }
    for file in files {
        wrong.extend(picture(case, &file, (&size["width"], &size["height"]), sheets));
    }
    if sheets && !path.join("storyboard.vtt").exists() {
        wrong.push("there is no storyboard.vtt".to_owned());
    }
    wrong
}

fn picture(case: &Case<'_>, file: &Path, size: (&Value, &Value), sheet: bool) -> Vec<String> {
    let found = match read::probe(file) {
        Ok(found) => found["streams"][0].clone(),
        Err(why) => return vec![why],
    };
    let mut wrong = Vec::new();
    let complaints = read::decode(file).complaints;
    if !complaints.is_empty() {
        wrong.push(format!("decoding a picture, ffmpeg says: {complaints}"));
    }
    if sheet {
        let whole = |found: &Value, tile: &Value| {
            found.as_u64().zip(tile.as_u64()).is_some_and(|(found, tile)| found % tile == 0)
        };
        if !whole(&found["width"], size.0) || !whole(&found["height"], size.1) {
            wrong.push(format!(
                "a sheet of {}x{} has pictures of {}x{}",
                found["width"], found["height"], size.0, size.1
            ));
        }
    } else {
        if (&found["width"], &found["height"]) != size {
            wrong.push(format!("a picture is {}x{}, planned: {}x{}", found["width"], found["height"], size.0, size.1));
        }
        wrong.extend(case.wrong_size(size));
        wrong.extend(case.wrong_look(file));
    }
    wrong
}
