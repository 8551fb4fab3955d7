//! A sink keeps the newest lines, and `tracing` gets each line.

use super::*;

fn sink_of<'a>(written: impl IntoIterator<Item = &'a [u8]>) -> CapturedStderr {
    let sink = CapturedStderr::new();
    let mut stream = StderrStream::Keep(sink.clone());
    for bytes in written {
        stream.write(bytes.to_vec().into()).unwrap();
    }
    sink
}

/// Some 1 MB in lines of different lengths, each of which is found only once.
fn many_lines() -> String {
    let line = |number: usize| format!("{number} {}é\n", "x".repeat(number * 7919 % 1000));
    (0..2_000).map(line).collect()
}

#[test]
fn newest_lines_are_kept_whole_however_they_are_written() {
    let written = many_lines();
    for pieces in [1, 100, 4_096, 50_000, CAPACITY, CAPACITY + 1, written.len()] {
        let kept = sink_of(written.as_bytes().chunks(pieces)).contents();
        assert!(kept.len() <= CAPACITY, "{}", kept.len());
        // Not a line less than fits.
        assert!(kept.len() > CAPACITY - 2_000, "{}", kept.len());
        let older = written.strip_suffix(&kept).unwrap();
        assert!(older.ends_with('\n'), "{pieces}");
    }
}

#[test]
fn what_fits_is_kept_as_it_was_written() {
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
fn of_a_line_that_is_too_long_the_end_is_kept() {
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
    // Not half a character.
    let characters = "é".repeat(CAPACITY);
    let kept = sink_of([characters.as_bytes(), b"x"]).contents();
    assert!(kept.len() >= CAPACITY - 1 && kept.starts_with('é'));
}

#[test]
fn bytes_that_are_not_text_are_replaced() {
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
fn what_was_written_is_not_in_debug_output() {
    let printed = format!("{:?}", sink_of([&b"hush"[..]]));
    assert_eq!(printed, "CapturedStderr { bytes: 4, .. }");
}

#[test]
fn line_is_printed_without_what_moves_a_terminal() {
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
