//! What an encoder has brought to its end.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::*;
use super::fixture::Film;

#[test]
fn a_ladder_becomes_segments_of_equal_times_and_manifests_over_them() {
    let film = Film::ladder();
    let packaged = film.package().unwrap();
    let [high, low, audio] = packaged.renditions.as_slice() else { panic!("{packaged:?}") };
    assert_eq!(high.codec, "avc1.64000c");
    assert_eq!(low.codec, "avc1.64000b");
    assert_eq!(audio.codec, "mp4a.40.2");
    assert!(!packaged.cut_short && packaged.missing.is_empty());
    for video in [high, low] {
        assert_eq!(video.segments.iter().map(|segment| segment.start).collect::<Vec<_>>(), [0, 25_600, 51_200]);
        assert_eq!(video.end(), Duration::from_secs(6));
    }
    assert_eq!(audio.hidden, 1024);
    check(&film.made(), &CancellationToken::new()).unwrap();
    for file in &packaged.files {
        let length = std::fs::metadata(film.made().join(&file.path)).unwrap().len();
        assert!(length == file.bytes && length > 0, "{file:?} has {length} bytes");
    }
}
