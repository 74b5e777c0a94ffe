//! Steps that change the bytes of a file that ffmpeg made.

use std::path::Path;

fn change(path: &Path, step: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    step(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// Where this text begins, as often as it is found.
fn found<'a>(bytes: &'a [u8], text: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    bytes.windows(text.len()).enumerate().filter(move |(_, window)| *window == text).map(|(at, _)| at)
}

/// Turns an mp4 or mov by the matrix in the header of each track.
fn turn(path: &Path, matrix: [i32; 4]) {
    let [a, b, c, d] = matrix;
    let whole = [a, b, 0, c, d, 0, 0, 0, 0x4000_0000];
    change(path, |bytes| {
        let headers: Vec<usize> = found(bytes, b"tkhd").collect();
        assert!(!headers.is_empty(), "no track in {}", path.display());
        for header in headers {
            for (index, number) in whole.into_iter().enumerate() {
                let at = header + 44 + 4 * index;
                bytes[at..at + 4].copy_from_slice(&i32::to_be_bytes(number));
            }
        }
    });
}

const ONE: i32 = 0x1_0000;

pub(super) fn turn_by_90(path: &Path) {
    turn(path, [0, ONE, -ONE, 0]);
}

pub(super) fn turn_by_180(path: &Path) {
    turn(path, [-ONE, 0, 0, -ONE]);
}

pub(super) fn turn_by_270(path: &Path) {
    turn(path, [0, -ONE, ONE, 0]);
}

/// Leaves the first six tenths.
pub(super) fn cut_short(path: &Path) {
    change(path, |bytes| bytes.truncate(bytes.len() * 6 / 10));
}

/// Turns over 300 single bits, all behind the first tenth, where the headers are.
pub(super) fn flip_bits(path: &Path) {
    change(path, |bytes| {
        let (first, length) = (bytes.len() / 10, bytes.len());
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..300 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let random = usize::try_from(seed >> 33).unwrap();
            bytes[first + random % (length - first)] ^= 1 << (seed >> 60 & 7);
        }
    });
}

/// Puts zeroes in place of a twentieth in the middle.
pub(super) fn tear(path: &Path) {
    change(path, |bytes| {
        let length = bytes.len();
        bytes[length * 50 / 100..length * 55 / 100].fill(0);
    });
}

/// The same once more, as a recorder does that starts anew.
pub(super) fn twice(path: &Path) {
    change(path, |bytes| bytes.extend_from_within(..));
}

/// Says in the header of an mp4 that it lasts a hundred times as long.
pub(super) fn lie_in_mp4(path: &Path) {
    change(path, |bytes| {
        let header = found(bytes, b"mvhd").next().expect("a header");
        let at = header + 20;
        let duration = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        bytes[at..at + 4].copy_from_slice(&(duration * 100).to_be_bytes());
    });
}

/// Says in the header of an mkv that it lasts thirty times as long.
pub(super) fn lie_in_mkv(path: &Path) {
    change(path, |bytes| {
        let at = found(bytes, &[0x44, 0x89, 0x88]).next().expect("a duration") + 3;
        let duration = f64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
        bytes[at..at + 8].copy_from_slice(&(duration * 30.0).to_be_bytes());
    });
}
