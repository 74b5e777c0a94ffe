//! The codes of failures are stable and documented.

use std::path::Path;

#[test]
fn every_code_of_a_failure_is_documented() {
    let read = |name: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let (document, page) = (read("openapi.yaml"), read("docs/API.md"));
    let listed = document.split("    FailureCode:\n").nth(1).unwrap().split("      enum:\n").nth(1).unwrap();
    let codes: Vec<_> = listed.lines().map_while(|line| line.trim().strip_prefix("- ")).collect();
    assert!(codes.len() > 10, "{codes:?}");
    for code in codes {
        assert!(page.contains(&format!("`{code}`")), "docs/API.md says nothing of {code}");
    }
}
