//! Words from media files on their way into manifests. They may be anybody's, so nothing of them is believed.

use std::fmt::Write as _;

/// The longest name that is shown.
const LONGEST: usize = 100;

/// A name without anything but text: no control characters, no ends of lines, not too long, never empty.
pub(super) fn name(raw: &str, otherwise: &str) -> String {
    let clean: String = raw.chars().map(|c| if hidden(c) { ' ' } else { c }).collect();
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if clean.is_empty() { otherwise.to_owned() } else { clean.chars().take(LONGEST).collect() }
}

/// Control characters, and those that reorder text or that XML can't hold.
fn hidden(c: char) -> bool {
    let reorders = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || reorders || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A quoted string of a playlist, which knows no way to escape a quote (RFC 8216, 4.2).
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", name(text, "").replace('"', "'"))
}

/// Whether this can stand in a manifest as it is, and leads nowhere but down: letters, digits, `-`, `_`, between `/`.
pub(super) fn is_path(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.split('/').all(part)
}

/// Text for an attribute of XML.
pub(super) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            c if hidden(c) => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A language tag as RFC 5646 wants it: two letters where there are two. `None` for what is no tag or says nothing.
pub(super) fn language(raw: &str) -> Option<String> {
    let lower = raw.trim().to_ascii_lowercase();
    let (first, rest) = lower.split_once('-').map_or((lower.as_str(), None), |(first, rest)| (first, Some(rest)));
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let letters = (2..=8).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_lowercase());
    let sound = letters && rest.is_none_or(|rest| rest.split('-').all(part)) && lower.len() <= 35;
    if !sound || matches!(first, "und" | "mis" | "mul" | "zxx") {
        return None;
    }
    let pairs = SHORT.split_whitespace().filter_map(|pair| pair.split_once(':'));
    let mut tag = pairs.into_iter().find(|(long, _)| *long == first).map_or(first, |(_, short)| short).to_owned();
    if let Some(rest) = rest {
        let _ = write!(tag, "-{rest}");
    }
    Some(tag)
}

/// Three letters (ISO 639-2, both kinds) that have two (ISO 639-1), of the languages that films are mostly in.
const SHORT: &str = "eng:en deu:de ger:de fra:fr fre:fr spa:es ita:it por:pt nld:nl dut:nl swe:sv nor:no nob:nb dan:da \
    fin:fi isl:is ice:is pol:pl ces:cs cze:cs slk:sk slo:sk slv:sl hrv:hr srp:sr bos:bs bul:bg ron:ro rum:ro hun:hu \
    ell:el gre:el tur:tr rus:ru ukr:uk bel:be lit:lt lav:lv est:et jpn:ja zho:zh chi:zh kor:ko vie:vi tha:th ind:id \
    msa:ms may:ms hin:hi ben:bn tam:ta tel:te mar:mr urd:ur fas:fa per:fa ara:ar heb:he cat:ca eus:eu baq:eu glg:gl \
    gle:ga cym:cy wel:cy kat:ka geo:ka hye:hy arm:hy kaz:kk afr:af swa:sw lat:la";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_become_short_tags_or_nothing() {
        for (raw, tag) in [
            ("eng", Some("en")),
            ("ger", Some("de")),
            ("deu", Some("de")),
            ("en-GB", Some("en-gb")),
            ("zh-Hant-TW", Some("zh-hant-tw")),
            ("gsw", Some("gsw")),
            ("und", None),
            ("", None),
            ("e", None),
            ("en\"", None),
            ("en\nX", None),
            ("../etc", None),
            ("en-", None),
        ] {
            assert_eq!(language(raw).as_deref(), tag, "{raw:?}");
        }
    }

    #[test]
    fn folders_are_plain() {
        assert!(is_path("video/720p") && is_path("a-b_c"));
        for wrong in ["", "/a", "a/", "a//b", "..", "a/../b", "a b", "a\"b", "a:b", "ä"] {
            assert!(!is_path(wrong), "{wrong}");
        }
    }

    #[test]
    fn no_name_gets_out_of_its_quotes() {
        assert_eq!(quoted("a\",URI=\"x\n#EXT-X-ENDLIST\r"), "\"a',URI='x #EXT-X-ENDLIST\"");
        assert_eq!(xml("<\"a\">&'\0\n\u{202e}"), "&lt;&quot;a&quot;&gt;&amp;&apos;   ");
        assert_eq!(name(" \u{feff}\t", "Audio 1"), "Audio 1");
        assert_eq!(name(&"é".repeat(500), "x").chars().count(), LONGEST);
    }
}
