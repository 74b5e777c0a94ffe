use std::path::Path;

/// `UPDATE=1 cargo test openapi` writes the document anew.
#[test]
fn the_document_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.yaml");
    let now = transcoded::http::openapi().unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == now, "openapi.yaml is not current; write it anew with `make openapi`");
}
