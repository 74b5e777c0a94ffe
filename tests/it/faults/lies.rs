//! An ffmpeg whose exit code says that all is well, and it isn't.

use serde_json::{Value, json};

use super::{a_neighbour_is_unharmed, attempts, nothing_is_left_of};
use crate::harness::{Options, Server, clip};

/// What stands where the result should be, by a name for the message.
const LIES: &[(&str, &str)] = &[
    ("nothing", ""),
    ("an empty file", ": > \"$out\""),
    ("zeros", "head -c 50000 /dev/zero > \"$out\""),
    ("text", "yes 'all is well' | head -c 50000 > \"$out\""),
    ("half the length", "\"$real\" -v error -y -t 2.5 -i \"$in\" -vn -f $kind \"$out\" </dev/null"),
    ("another codec", "\"$real\" -v error -y -i \"$in\" -vn -c:a flac -f matroska \"$out\" </dev/null"),
    (
        "a file that was cut",
        "\"$real\" -v error -y -i \"$in\" -vn -f $kind \"$here/whole\" </dev/null; head -c 40000 \"$here/whole\" > \"$out\"",
    ),
    (
        "a file with zeros at its end",
        "\"$real\" -v error -y -i \"$in\" -vn -f $kind \"$here/whole\" </dev/null; head -c 40000 \"$here/whole\" > \"$out\"; \
         head -c 60000 /dev/zero >> \"$out\"",
    ),
];

#[tokio::test]
async fn exit_code_0_without_a_sound_result_is_output_invalid() {
    let script = r#"kind=${out##*.}; [ $kind = m4a ] && kind=ipod; . "$here/lie"; exit 0"#;
    let server = Server::start_with(Options::with(&["--retry-delay-ms", "50"]).faking(script));
    for name in ["victim.mp3", "victim.m4a"] {
        for (what, lie) in LIES {
            std::fs::write(server.data_dir().join("lie"), lie).unwrap();
            let id = server.submit(&json!({"input": clip(), "outputs": [{"name": name}]})).await;
            let job = server.over(&id).await;
            assert_eq!(
                (job["state"].as_str(), job["error"]["code"].as_str(), attempts(&job)),
                (Some("failed"), Some("output_invalid"), 1),
                "{what} as {name}: {job:#}"
            );
            assert_eq!(
                (job["attempts"][0]["exit_code"].as_i64(), job["outputs"][0]["url"].clone()),
                (Some(0), Value::Null)
            );
            nothing_is_left_of(&server, &id).await;
        }
    }
    a_neighbour_is_unharmed(&server).await;
}

#[tokio::test]
async fn one_bad_output_publishes_none_of_the_good_ones() {
    let script = r#"exec "$real" "$@""#;
    let server = Server::start_with(Options::default().faking(script));
    let spoilt = json!({"input": clip(), "outputs": [{"name": "good.wav"}, {"name": "bad.mp3"}]});
    assert_eq!(server.over(&server.submit(&spoilt).await).await["state"], "succeeded", "the script does no harm yet");
    drop(server);
    let script = r#""$real" "$@"; code=$?; head -c 9000 "$out" > "$out.cut"; cat "$out.cut" > "$out"; rm "$out.cut"; exit $code"#;
    let server = Server::start_with(Options::default().faking(script));
    let id = server.submit(&spoilt).await;
    let job = server.over(&id).await;
    assert_eq!(
        (job["state"].as_str(), job["error"]["code"].as_str()),
        (Some("failed"), Some("output_invalid")),
        "{job:#}"
    );
    nothing_is_left_of(&server, &id).await;
}
