//! Every fault is named beside a test that is there.

use std::path::Path;

fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_that_the_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/RELIABILITY.md")).unwrap();
    let mut text = String::new();
    sources(&root.join("tests"), &mut text);
    sources(&root.join("src"), &mut text);
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault"));
    let mut count = 0;
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit_once("| ").expect("a row has cells").1;
        let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(text.contains(&format!("fn {name}(")), "there is no test {name}");
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn every_fault_test_is_on_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/RELIABILITY.md")).unwrap();
    let mut text = String::new();
    sources(&root.join("tests/it/faults"), &mut text);
    for rest in text.split("#[tokio::test]\nasync fn ").skip(1) {
        let name = rest.split('(').next().unwrap();
        assert!(page.contains(&format!("`{name}`")), "it says nothing of {name}");
    }
}
