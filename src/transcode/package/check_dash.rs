//! Reads the manifest of a package back, and finds what is wrong with its form.

use std::path::Path;

use roxmltree::{Document, Node};

use super::check::{CheckError, Told, ToldSegment, differs};
use super::check_hls::inside;
use super::error::PackageError;

/// More segments than any package has.
const MOST: u64 = 1 << 20;

/// Reads the manifest.
pub(super) fn read(manifest: &Path) -> Result<Vec<Told>, CheckError> {
    let text = std::fs::read_to_string(manifest).map_err(PackageError::io(manifest))?;
    let document = match Document::parse(&text) {
        Ok(document) => document,
        Err(error) => return differs(format!("the manifest isn't XML: {error}")),
    };
    let root = document.root_element();
    match root.attribute("type") {
        Some("static") => {}
        kind => return differs(format!("the manifest is {} instead of static", kind.unwrap_or("of no type"))),
    }
    let folder = manifest.parent().unwrap_or(manifest);
    let representations = root.descendants().filter(|node| node.has_tag_name("Representation"));
    representations.map(|node| representation(folder, node)).collect()
}

fn representation(folder: &Path, node: Node<'_, '_>) -> Result<Told, CheckError> {
    let codecs = node.attribute("codecs").map(str::to_owned).into_iter().collect();
    let child = |name: &'static str| node.children().find(move |child| child.has_tag_name(name));
    let Some(template) = child("SegmentTemplate") else {
        let Some(uri) = child("BaseURL").and_then(|url| url.text()) else {
            return differs("a representation has neither segments nor a file".to_owned());
        };
        let file = ToldSegment { path: inside(folder, uri)?, start: None, duration: None };
        return Ok(Told { init: None, codecs, segments: vec![file] });
    };
    let (Some(init), Some(media)) = (template.attribute("initialization"), template.attribute("media")) else {
        return differs("a template names no files".to_owned());
    };
    let timescale = number(template, "timescale")?;
    if timescale == 0 {
        return differs("a timescale is 0".to_owned());
    }
    #[expect(clippy::cast_precision_loss, reason = "times are far below 2^52 ticks")]
    let seconds = |ticks: u64| ticks as f64 / timescale as f64;
    let mut segments = Vec::new();
    let mut at = 0;
    for line in template.descendants().filter(|node| node.has_tag_name("S")) {
        if line.attribute("t").is_some() {
            at = number(line, "t")?;
        }
        let duration = number(line, "d")?;
        let again = if line.attribute("r").is_some() { number(line, "r")? } else { 0 };
        if again > MOST {
            return differs(format!("{init} has {again} segments of one length"));
        }
        for _ in 0..=again {
            let name = media.replace("$Number%05d$", &format!("{:05}", segments.len() + 1));
            let (path, start, duration_seconds) = (inside(folder, &name)?, seconds(at), seconds(duration));
            segments.push(ToldSegment { path, start: Some(start), duration: Some(duration_seconds) });
            at += duration;
        }
    }
    if segments.is_empty() {
        differs(format!("{init} has no segments"))
    } else {
        Ok(Told { init: Some(inside(folder, init)?), codecs, segments })
    }
}

fn number(node: Node<'_, '_>, name: &str) -> Result<u64, CheckError> {
    let text = node.attribute(name).unwrap_or_default();
    // Far more than any timeline has, so that sums can't overflow.
    match text.parse::<u64>() {
        Ok(number) if number < 1 << 52 => Ok(number),
        _ => differs(format!("{name} of a {} is {text:?}, which is no such number", node.tag_name().name())),
    }
}
