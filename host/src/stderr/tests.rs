//! Tests of the sink, which keeps the newest lines, and of the escapes for `tracing`.

use super::*;

fn sink_of<'a>(written: impl IntoIterator<Item = &'a [u8]>) -> CapturedStderr {
    let sink = CapturedStderr::new();
    let mut stream = StderrStream::Keep(sink.clone());
    for bytes in written {
        stream.write(bytes.to_vec().into()).unwrap();
    }
    sink
}

/// Makes about 1 MB of lines of different lengths. No two lines are equal.
fn many_lines() -> String {
    let line = |number: usize| format!("{number} {}é\n", "x".repeat(number * 7919 % 1000));
    (0..2_000).map(line).collect()
}

#[test]
fn newest_lines_are_kept_whole_for_any_write_size() {
    let written = many_lines();
    for pieces in [1, 100, 4_096, 50_000, CAPACITY, CAPACITY + 1, written.len()] {
        let kept = sink_of(written.as_bytes().chunks(pieces)).contents();
        assert!(kept.len() <= CAPACITY, "{}", kept.len());
        // Every line that fits is kept.
        assert!(kept.len() > CAPACITY - 2_000, "{}", kept.len());
        let older = written.strip_suffix(&kept).unwrap();
        assert!(older.ends_with('\n'), "{pieces}");
    }
}

#[test]
fn text_that_fits_is_kept_unchanged() {
    let first = [b'x'; CAPACITY - 2];
    assert_eq!(
        sink_of([&first[..], b"\n", b"y"]).contents().len(),
        CAPACITY
    );
    assert_eq!(sink_of([&first[..], b"\n", b"yz"]).contents(), "yz");
    assert_eq!(sink_of([&b"a\n\nb"[..]]).contents(), "a\n\nb");
    assert_eq!(sink_of([]).contents(), "");
}

#[test]
fn end_of_a_too_long_line_is_kept() {
    let long = [b'x'; CAPACITY];
    for written in [
        vec![&long[..], &long, b"end"],
        vec![b"begin\n", &long, b"end"],
    ] {
        let kept = sink_of(written).contents();
        assert_eq!(kept.len(), CAPACITY);
        assert!(kept.starts_with('x') && kept.ends_with("xend"));
    }
    let whole = [&b"begin\n"[..], &long, b"end"].concat();
    assert_eq!(sink_of([&whole[..]]).contents().len(), CAPACITY);
    // No character is cut in half.
    let characters = "é".repeat(CAPACITY);
    let kept = sink_of([characters.as_bytes(), b"x"]).contents();
    assert!(kept.len() >= CAPACITY - 1 && kept.starts_with('é'));
}

#[test]
fn invalid_utf8_is_replaced() {
    assert_eq!(sink_of([&b"a\xffb"[..]]).contents(), "a\u{fffd}b");
    let rests_of_characters = [0x80; 2 * CAPACITY];
    assert!(sink_of([&rests_of_characters[..]]).contents().len() >= CAPACITY - 3);
}

#[test]
fn taking_empties_the_sink_and_its_clones() {
    let sink = sink_of([&b"one\n"[..]]);
    let clone = sink.clone();
    assert_eq!(sink.contents(), "one\n");
    assert_eq!(clone.take(), "one\n");
    assert_eq!((sink.take(), sink.contents()), Default::default());
    StderrStream::Keep(sink.clone()).append(b"two");
    assert_eq!(clone.take(), "two");
}

#[test]
fn captured_text_is_not_in_debug_output() {
    let printed = format!("{:?}", sink_of([&b"hush"[..]]));
    assert_eq!(printed, "CapturedStderr { bytes: 4, .. }");
}

#[test]
fn terminal_control_characters_are_escaped() {
    for (written, printed) in [
        ("plain, \"quoted\" and \\ äöü é हिन्दी 🦀", None),
        ("a\tb", None),
        ("\u{1b}[2Jgone", Some("\\u{1b}[2Jgone")),
        ("over\rwritten\u{8}", Some("over\\u{d}written\\u{8}")),
        ("\u{202e}txet", Some("\\u{202e}txet")),
        ("two\u{2028}lines\u{85}", Some("two\\u{2028}lines\\u{85}")),
    ] {
        assert_eq!(printable(written), printed.unwrap_or(written));
    }
}
