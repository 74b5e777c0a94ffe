//! Makes the inputs, each once, from a short way of writing ffmpeg's arguments.
//!
//! `V` is two seconds of moving picture, `V:320x180:30:1` one of another size, rate and length; `A` is two seconds of
//! stereo sound, `A:5.1:44100:1` one of another layout, rate and length. `{name}` is a file of the folder, `BUNNY` the
//! real clip, and with `pipe:1` the output is written without seeking.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use super::Source;
use crate::harness::clips::{media_root, place};

/// The folder of all inputs in the media root; another as soon as one of them is made otherwise.
pub(super) static FOLDER: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    INGREDIENTS.hash(&mut hasher);
    for source in super::sources() {
        source.how.hash(&mut hasher);
    }
    format!("sources-{:016x}", hasher.finish())
});

/// Files that some inputs are made of.
const INGREDIENTS: [(&str, &str); 4] = [
    (
        "words.srt",
        "1\n00:00:00,200 --> 00:00:00,900\nGood morning.\n\n2\n00:00:01,000 --> 00:00:01,800\nGood <i>night</i>.\n",
    ),
    ("wörter.srt", "1\n00:00:00,300 --> 00:00:01,500\nGrüß Gott, schöne Welt – \u{4f60}\u{597d}\n"),
    (
        "words.ass",
        "[Script Info]\nScriptType: v4.00+\nPlayResX: 160\nPlayResY: 120\n\n[V4+ Styles]\nFormat: Name, Fontname, \
         Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, \
         ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n\
         Style: Default,Sans,16,&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,1,0,2,5,5,5,1\n\n\
         [Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n\
         Dialogue: 0,0:00:00.20,0:00:01.20,Default,,0,0,0,,{\\b1}Hello{\\b0}\\Nthere, you\n",
    ),
    (
        "chapters.txt",
        ";FFMETADATA1\ntitle=A film; with = odd\\\n signs\nartist=\u{0416}\u{4e2d}é\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\n\
         END=900\ntitle=Öne\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=900\nEND=2000\ntitle=Two\n",
    ),
];

/// Whether an input is there.
#[derive(Debug)]
pub enum Made {
    /// It is.
    Here,
    /// This machine's ffmpeg can't make it.
    Skipped(String),
}

impl Source {
    /// Makes the input unless it is there.
    pub fn made(&self) -> Made {
        let folder = folder();
        let path = folder.join(self.name);
        let mut skipped = None;
        place(&path, |unfinished| {
            skipped = self.encode(&folder, unfinished).err();
            match skipped {
                // What can't be made is an empty file, which isn't kept.
                Some(_) => drop(File::create(unfinished).unwrap()),
                None => self.steps.iter().for_each(|step| step(unfinished)),
            }
        });
        match skipped {
            None => Made::Here,
            Some(why) => {
                std::fs::remove_file(path).unwrap();
                Made::Skipped(why)
            }
        }
    }

    fn encode(&self, folder: &Path, to: &Path) -> Result<(), String> {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-y"]).args(arguments(self.how, folder));
        if self.how.contains("pipe:1") {
            command.stdout(Stdio::from(File::create(to).unwrap()));
        } else {
            command.arg(to);
        }
        let output = command.output().expect("ffmpeg runs");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            return Ok(());
        }
        let lacking = complaint.contains("Unknown encoder") || complaint.contains("Encoder not found");
        assert!(lacking, "{}: {complaint}", self.name);
        Err(complaint)
    }
}

fn folder() -> PathBuf {
    let folder = media_root().join(&*FOLDER);
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in INGREDIENTS {
        place(&folder.join(name), |path| std::fs::write(path, text).unwrap());
    }
    folder
}

fn arguments(how: &str, folder: &Path) -> Vec<String> {
    how.split_whitespace().flat_map(|word| argument(word, folder)).collect()
}

fn argument(word: &str, folder: &Path) -> Vec<String> {
    let parts: Vec<&str> = word.split(':').collect();
    let part =
        |place: usize, usual: &'static str| parts.get(place).copied().filter(|part| !part.is_empty()).unwrap_or(usual);
    let source = |text: String| ["-f", "lavfi", "-i", &text].map(str::to_owned).to_vec();
    match (parts[0], word.strip_prefix('{').and_then(|word| word.strip_suffix('}'))) {
        ("V", _) => source(format!(
            "testsrc2=size={}:rate={}:duration={},format=yuv420p",
            part(1, "160x120"),
            part(2, "25"),
            part(3, "2")
        )),
        ("A", _) => source(format!(
            "sine=frequency=440:sample_rate={}:duration={},volume=12dB,pan={}",
            part(2, "48000"),
            part(3, "2"),
            everywhere(part(1, "stereo"))
        )),
        ("BUNNY", _) => vec!["-i".to_owned(), media_root().join("bigbuckbunny.mp4").display().to_string()],
        (_, Some(name)) => vec![folder.join(name).display().to_string()],
        _ => vec![word.to_owned()],
    }
}

/// The one tone in every channel of the layout.
fn everywhere(layout: &str) -> String {
    let channels = match layout {
        "mono" => 1,
        "stereo" => 2,
        "5.1" | "5.1(side)" => 6,
        "7.1" => 8,
        other => panic!("no such layout: {other}"),
    };
    (0..channels).fold(layout.to_owned(), |pan, channel| format!("{pan}|c{channel}=c0"))
}
