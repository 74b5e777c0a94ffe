//! Every job in docs/RECIPES.md is run as it is written.

use std::process::Command;

use serde_json::Value;

use crate::harness::{Server, media_root};

const DOCUMENT: &str = include_str!("../../../docs/RECIPES.md");

/// The blocks of code in one language.
fn blocks(language: &str) -> Vec<String> {
    let parts = DOCUMENT.split("```").skip(1).step_by(2);
    parts.filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n').map(str::to_owned)).collect()
}

/// A film with two languages and their subtitles, as one recipe needs it.
fn film() {
    let path = media_root().join("film.mkv");
    if path.exists() {
        return;
    }
    let text = media_root().join(format!("recipe-{}.srt", std::process::id()));
    std::fs::write(&text, "1\n00:00:00,100 --> 00:00:00,900\nHello\n").unwrap();
    let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
    let sources = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1 -f lavfi -i sine=duration=1 \
                   -f lavfi -i sine=frequency=900:duration=1";
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y"])
        .args(sources.split_whitespace())
        .arg("-i")
        .arg(&text)
        .args("-map 0 -map 1 -map 2 -map 3 -map 3 -c:v libx264 -preset ultrafast -c:a aac -c:s srt".split(' '))
        .args("-metadata:s:a:0 language=ger -metadata:s:a:1 language=eng".split(' '))
        .args("-metadata:s:s:0 language=ger -metadata:s:s:1 language=eng -f matroska".split(' '))
        .arg(&unfinished)
        .status();
    assert!(made.unwrap().success());
    std::fs::rename(unfinished, path).unwrap();
    std::fs::remove_file(text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipe_is_feasible_and_succeeds() {
    film();
    crate::harness::clip();
    let server = Server::start();
    let recipes: Vec<Value> = blocks("json").iter().map(|text| serde_json::from_str(text).expect(text)).collect();
    assert_eq!(recipes.len(), 10);
    let mut jobs = Vec::new();
    for recipe in &recipes {
        let (status, plan) = server.post("/v1/plan", recipe).await;
        assert_eq!((status, &plan["feasible"]), (200, &Value::Bool(true)), "{recipe}: {plan:#}");
        jobs.push(server.submit(recipe).await);
    }
    for (recipe, id) in recipes.iter().zip(jobs) {
        let job = server.over(&id).await;
        assert_eq!(job["state"], "succeeded", "{recipe}: {job:#}");
    }
}

#[test]
fn the_preset_in_the_recipes_is_one() {
    let [text] = &blocks("toml")[..] else { panic!("one preset is shown") };
    let preset: transcoded::domain::preset::Preset = toml::from_str(text).unwrap();
    assert_eq!(preset.check(), Ok(()));
}
