//! What a measurement yields, and the table that is made of it.

/// One measurement.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// How it was measured, for the document.
    pub(crate) how: String,
    pub(crate) rows: Vec<Row>,
}

/// One line of the table.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) ours: String,
    /// What stands beside it, by name and figure; empty where nothing does.
    pub(crate) beside: String,
    /// Ours by theirs, or ours less theirs.
    pub(crate) compared: String,
    pub(crate) aim: Option<Aim>,
    /// Why the aim is missed, found out by a person. Shown only where it is.
    pub(crate) reason: Option<&'static str>,
}

/// What was aimed at, and whether it was reached.
pub(crate) struct Aim {
    pub(crate) text: &'static str,
    pub(crate) met: bool,
}

const HEAD: [&str; 6] = ["", "transcoded", "beside it", "compared", "aim", "met"];

/// The rows as a table of Markdown that can be read as it is.
pub(crate) fn table(rows: &[Row]) -> String {
    let cells: Vec<[String; 6]> = rows.iter().map(cells).collect();
    let head = HEAD.map(str::to_owned);
    let width = |column: usize| cells.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |row: &[String; 6]| {
        let padded = row.iter().zip(widths).map(|(cell, width)| format!(" {cell:<width$} "));
        format!("|{}|", padded.collect::<Vec<_>>().join("|"))
    };
    let rule = format!("|{}|", widths.map(|width| "-".repeat(width + 2)).join("|"));
    [line(&head), rule].into_iter().chain(cells.iter().map(line)).collect::<Vec<_>>().join("\n")
}

fn cells(row: &Row) -> [String; 6] {
    let (aim, met) = row.aim.as_ref().map_or(("", ""), |aim| (aim.text, if aim.met { "yes" } else { "**no**" }));
    [row.what.clone(), row.ours.clone(), row.beside.clone(), row.compared.clone(), aim.to_owned(), met.to_owned()]
}

/// Why aims are missed, as a list; empty where none is.
pub(crate) fn reasons(rows: &[Row]) -> String {
    let missed = rows.iter().filter(|row| row.aim.as_ref().is_some_and(|aim| !aim.met));
    let lines = missed.map(|row| {
        let reason = row.reason.unwrap_or("Nobody has found out why yet.");
        format!("- Missed: {}. {reason}\n", row.what)
    });
    lines.collect()
}
