//! What strangers send, and what they are told.

use super::Document;
use crate::domain::invalid::FieldError;
use crate::domain::request::JobRequest;

fn read(json: &str) -> (Option<JobRequest>, Vec<FieldError>) {
    Document::of_json(json.as_bytes()).unwrap().read()
}

fn told(json: &str) -> Vec<(String, String)> {
    read(json).1.into_iter().map(|error| (error.pointer, error.detail)).collect()
}

/// A job with one output, of which these are further fields.
fn output(fields: &str) -> String {
    format!(r#"{{"input": "a", "outputs": [{{"name": "a.mp4", {fields}}}]}}"#)
}

#[test]
fn what_is_no_json_is_told_in_plain_words() {
    for (text, told) in [
        ("", "it ends too early (line 1, column 0)"),
        ("{", "it ends too early (line 1, column 1)"),
        (r#"{"input"#, "it ends too early (line 1, column 7)"),
        ("{\"input\": }", "a value is expected (line 1, column 11)"),
        ("{'input': 1}", "a field's name in double quotes is expected (line 1, column 2)"),
        ("{\"input\" 1}", "a colon is expected behind a field's name (line 1, column 10)"),
        ("{\"input\": 1 \"mode\": 2}", "a comma or a closing brace is expected (line 1, column 13)"),
        ("[1 2]", "a comma or a closing bracket is expected (line 1, column 4)"),
        ("{\"input\": 1,}", "there is a comma too many (line 1, column 13)"),
        ("{} {}", "something follows behind its end (line 1, column 4)"),
        ("{}\n\n}", "something follows behind its end (line 3, column 1)"),
        ("{\"input\": 01}", "a number isn't written as JSON wants it (line 1, column 12)"),
        ("{\"priority\": 1e999}", "a number is too large (line 1, column 18)"),
        ("nul", "it ends too early (line 1, column 3)"),
        ("\u{0}", "a value is expected (line 1, column 1)"),
        ("input=a", "a value is expected (line 1, column 1)"),
        (r#"{"input": "\x"}"#, "a text holds a backslash with a meaning that JSON doesn't know (line 1, column 13)"),
        (r#"{"input": "\ud800"}"#, "a text holds a character that there isn't (line 1, column 18)"),
        (
            "{\"input\": \"a\nb\"}",
            "a text holds a line break or another control character; write it as \\n or \\u… (line 2, column 0)",
        ),
        (&"[".repeat(10_000), "it is nested too deeply (line 1, column 128)"),
    ] {
        let found = Document::of_json(text.as_bytes()).unwrap_err();
        assert_eq!(found, told, "{text:.20}");
    }
    let bytes = b"{\"input\": \"\xff\"}";
    assert_eq!(Document::of_json(bytes).unwrap_err(), "a text holds a character that there isn't (line 1, column 12)");
}

#[test]
fn what_is_no_object_has_no_fields() {
    for json in ["[]", "5", "\"a\"", "null", "true", "[{\"input\": \"a\"}]"] {
        assert_eq!(told(json), [(String::new(), "it must be an object".to_owned())], "{json}");
    }
}

/// Exactly this field is named, in words that hold these and none of a programmer's.
fn assert_told(json: &str, pointer: &str, detail: &str) {
    let told = told(json);
    let [(found, words)] = told.as_slice() else { panic!("{json}: {told:?}") };
    assert!(found == pointer && words.contains(detail), "{json}: {told:?}");
    for foreign in ["expected", "variant", "struct", "integer", "u32", "sequence", "invalid", "deserial", "line"] {
        assert!(!words.contains(foreign), "{json}: {words}");
    }
}

#[test]
fn a_wrong_field_of_a_job_is_named_in_plain_words() {
    for (json, pointer, detail) in [
        ("{}", "/input", "it is missing"),
        (r#"{"outputs": [{}], "input": "a"}"#, "/outputs/0/name", "it is missing"),
        (r#"{"input": 5}"#, "/input", "it must be a string, not 5"),
        (r#"{"input": null}"#, "/input", "it must be a string, not null"),
        (r#"{"input": ["a"]}"#, "/input", "it must be a string, not a list"),
        (r#"{"input": "a", "inptu": "b"}"#, "/inptu", "there is no such field; did you mean \"input\"?"),
        (r#"{"input": "a", "crashSafe": true}"#, "/crashSafe", "there is no such field; did you mean \"crash_safe\"?"),
        (
            r#"{"input": "a", "webhook": "b"}"#,
            "/webhook",
            "there is no such field; there are input, outputs, args, mode, priority, labels, timeout_seconds, grace_seconds, max_attempts, run_at, verify or crash_safe",
        ),
        (r#"{"input": "a", "priority": "high"}"#, "/priority", "it must be a whole number, not \"high\""),
        (r#"{"input": "a", "mode": {"slim": 5}}"#, "/mode", "it must be a string, not 5"),
        (r#"{"input": "a", "priority": 1.5}"#, "/priority", "it must be a whole number, not 1.5"),
        (r#"{"input": "a", "priority": 99999999999}"#, "/priority", "it must be a smaller number, not 99999999999"),
        (r#"{"input": "a", "priority": -99999999999}"#, "/priority", "it must be a larger number, not -99999999999"),
        (r#"{"input": "a", "grace_seconds": -1}"#, "/grace_seconds", "it must be 0 or more, not -1"),
        (r#"{"input": "a", "crash_safe": "yes"}"#, "/crash_safe", "it must be true or false, not \"yes\""),
        (r#"{"input": "a", "mode": "qiet"}"#, "/mode", "it is slim, standard or graceful, not \"qiet\""),
        (r#"{"input": "a", "mode": 5}"#, "/mode", "it must be a string, not 5"),
        (r#"{"input": "a", "mode": {}}"#, "/mode", "it must be a string, not an object"),
        (r#"{"input": "a", "verify": "ful"}"#, "/verify", "it is quick or full, not \"ful\"; did you mean \"full\"?"),
        (r#"{"input": "a", "run_at": "tomorrow"}"#, "/run_at", "give a time such as \"2026-01-31T18:00:00Z\""),
        (r#"{"input": "a", "run_at": 1700000000}"#, "/run_at", "it must be a string, not 1700000000"),
        (r#"{"input": "a", "labels": []}"#, "/labels", "it must be an object, not a list"),
        (r#"{"input": "a", "labels": {"x": 5}}"#, "/labels/x", "it must be a string, not 5"),
        (r#"{"input": "a", "labels": {"x": "1", "x": "2"}}"#, "/labels/x", "it is there twice"),
        (r#"{"input": "a", "input": "b"}"#, "/input", "it is there twice"),
        (r#"{"input": "a", "outputs": 1}"#, "/outputs", "it must be a list, not 1"),
        (r#"{"input": "a", "outputs": {"name": "a.mp4"}}"#, "/outputs", "it must be a list, not an object"),
        (r#"{"input": "a", "outputs": [["a.mp4"]]}"#, "/outputs/0", "it must be an object, not a list"),
        (r#"{"input": "a", "outputs": ["a.mp4"]}"#, "/outputs/0", "it must be an object, not \"a.mp4\""),
        (r#"{"input": "a", "outputs": [null]}"#, "/outputs/0", "it must be an object, not null"),
        (r#"{"input": "a", "args": ["-i", 5]}"#, "/args/1", "it must be a string, not 5"),
    ] {
        assert_told(json, pointer, detail);
    }
}

#[test]
fn a_wrong_field_of_an_output_is_named_in_plain_words() {
    for (json, pointer, detail) in [
        (
            output(r#""video": {"codec": "h246"}"#),
            "/outputs/0/video/codec",
            "it is h264, hevc, av1, vp9, copy or none, not \"h246\"; did you mean \"h264\"?",
        ),
        (output(r#""video": {"codec": "H.265"}"#), "/outputs/0/video/codec", "did you mean \"hevc\"?"),
        (
            output(r#""video": {"codec": "divx"}"#),
            "/outputs/0/video/codec",
            "it is h264, hevc, av1, vp9, copy or none, not \"divx\"",
        ),
        (output(r#""video": {"a/b~c": 1}"#), "/outputs/0/video/a~1b~0c", "there is no such field"),
        (output(r#""video": {"a`, expected `b": 1}"#), "/outputs/0/video/a`, expected `b", "there is no such field"),
        (output(r#""video": {"Max-Bitrate": 1}"#), "/outputs/0/video/Max-Bitrate", "did you mean \"max_bitrate_bps\"?"),
        (
            output(r#""video": {"height": "720p"}"#),
            "/outputs/0/video/height",
            "it must be a whole number, not \"720p\"",
        ),
        (output(r#""video": {"crf": 300}"#), "/outputs/0/video/crf", "it must be a smaller number, not 300"),
        (
            output(r#""video": {"fps": "fast"}"#),
            "/outputs/0/video/fps",
            "give a frame rate such as 25, 29.97 or \"30000/1001\"",
        ),
        (
            output(r#""video": {"fps": [25]}"#),
            "/outputs/0/video/fps",
            "give a frame rate such as 25, 29.97 or \"30000/1001\"",
        ),
        (
            output(r#""video": {"aspect": "wide"}"#),
            "/outputs/0/video/aspect",
            "give a shape such as \"16:9\", from 1:10 to 10:1",
        ),
        (output(r#""video": ["h264"]"#), "/outputs/0/video", "it must be an object, not a list"),
        (output(r#""audio": "aac""#), "/outputs/0/audio", "it must be an object, not \"aac\""),
        (
            output(r#""audio": {"loudness_lufs": "loud"}"#),
            "/outputs/0/audio/loudness_lufs",
            "it must be a number, not \"loud\"",
        ),
        (
            output(r#""audio": {"tracks": 1}"#),
            "/outputs/0/audio/tracks",
            "give \"main\", \"all\", \"none\", or a list such as [{\"language\": \"eng\"}, {\"track\": 1}]",
        ),
        (output(r#""trim": [1, 2]"#), "/outputs/0/trim", "it must be an object, not a list"),
        (output(r#""trim": {"start": 1}"#), "/outputs/0/trim/start", "did you mean \"start_ms\"?"),
        (
            output(r#""trim": {"start_ms": "00:01"}"#),
            "/outputs/0/trim/start_ms",
            "it must be a whole number, not \"00:01\"",
        ),
        (output(r#""package": {"formats": ["hls", "dsh"]}"#), "/outputs/0/package/formats/1", "did you mean \"dash\"?"),
        (output(r#""package": {"ladder": [{}]}"#), "/outputs/0/package/ladder/0/height", "it is missing"),
        (
            output(r#""thumbnails": {"count": 3, "format": "gif"}"#),
            "/outputs/0/thumbnails/format",
            "a picture is jpg, png or webp",
        ),
        (
            output(r#""thumbnails": {"at_ms": [1, "x"]}"#),
            "/outputs/0/thumbnails/at_ms/1",
            "it must be a whole number, not \"x\"",
        ),
    ] {
        assert_told(&json, pointer, detail);
    }
}

#[test]
fn every_wrong_field_is_named_and_the_rest_is_read() {
    let json = r#"{"input": 5, "priority": "high", "mode": "fest", "outputs": [
        {"name": "a.mp4", "video": {"codec": "divx", "crf": "x"}}, ["b.mp4"],
        {"video": {"height": 720, "height": 720}, "package": {"formats": ["hsl", "dsh"], "ladder": [{}, {"width": 5}]}}],
        "inptu": 1}"#;
    let (value, errors) = read(json);
    let mut pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        [
            "/inptu",
            "/input",
            "/mode",
            "/outputs/0/video/codec",
            "/outputs/0/video/crf",
            "/outputs/1",
            "/outputs/2/name",
            "/outputs/2/package/formats/0",
            "/outputs/2/package/formats/1",
            "/outputs/2/package/ladder/0/height",
            "/outputs/2/package/ladder/1/height",
            "/outputs/2/package/ladder/1/width",
            "/outputs/2/video/height",
            "/priority",
        ],
    );
    assert_eq!(value.unwrap().outputs.unwrap()[2].video.unwrap().height, Some(720));
}

#[test]
fn a_body_full_of_errors_is_answered_and_says_that_there_are_more() {
    let fields: Vec<String> = (0..40_000).map(|n| format!("\"field{n}\": {n}")).collect();
    let (value, errors) = read(&format!("{{{}}}", fields.join(",")));
    assert!(value.is_none() && errors.len() == 102, "{}", errors.len());
    assert!(errors[101].detail.contains("too much wrong"), "{}", errors[101].detail);
}

#[test]
fn a_text_that_looks_like_a_place_is_quoted_as_it_is() {
    for (json, words) in [
        (r#"{"input": "a", "priority": "x at line y"}"#, "it must be a whole number, not \"x at line y\""),
        (r#"{"input": "a", "verify": "x at line 3"}"#, "it is quick or full, not \"x at line 3\""),
    ] {
        assert_eq!(told(json)[0].1, words);
    }
}

#[test]
fn a_long_text_is_quoted_in_part() {
    let (_, detail) = told(&format!(r#"{{"input": "a", "priority": "{}"}}"#, "ä".repeat(100_000))).remove(0);
    assert!(detail.len() < 200 && detail.ends_with("ä\"…"), "{detail:.300}");
}

#[test]
fn toml_is_read_the_same_way() {
    let document = Document::of_toml("input = 5\npriority = 'high'\n[labels]\nx = 1").unwrap();
    let (_, errors) = document.read::<JobRequest>();
    let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/input", "/labels/x", "/priority"]);
    // JSON has no such numbers, so they would be nothing.
    assert!(Document::of_toml("priority = nan").unwrap_err().contains("a number must be finite"));
    assert!(Document::of_toml("input = ").unwrap_err().contains("line 1, column"));
}
