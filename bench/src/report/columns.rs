//! Columns line up, and a column without a value is not there.

/// Lines of text. Columns from `numbers_from` on are numbers: their ends line up. The first row has the heads.
pub(crate) fn columns<const COLUMNS: usize>(
    rows: &[[String; COLUMNS]],
    numbers_from: usize,
) -> String {
    let mut widths = [0; COLUMNS];
    for (index, width) in widths.iter_mut().enumerate() {
        let cells = || rows.iter().filter_map(|row| row.get(index));
        if cells().skip(1).any(|cell| !cell.is_empty()) {
            let longest = cells().map(|cell| cell.chars().count()).max();
            *width = longest.unwrap_or(0);
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).enumerate();
        let cells: Vec<String> = cells
            .filter(|(_, (_, width))| *width > 0)
            .map(|(column, (cell, width))| match column < numbers_from {
                true => format!("{cell:<width$}"),
                false => format!("{cell:>width$}"),
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_and_numbers_end_where_they_line_up() {
        let rows = [["case", "p50"], ["get", "9.5"], ["bulk-get", "1000.0"]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(
            columns(&rows, 1),
            "case         p50\nget          9.5\nbulk-get  1000.0\n"
        );
    }

    #[test]
    fn a_column_with_nothing_but_a_head_is_left_out() {
        let rows = [["a", "empty", "b"], ["1", "", "2"]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows, 0), "a  b\n1  2\n");
    }
}
