//! A bar chart of the latencies, as SVG. A bar is the time of a call as a multiple of the native SDK's: shorter is better.

use super::Report;
use crate::contenders::Name;
use crate::latency::CaseFigures;

/// The sizes of the picture, in pixels.
const WIDTH: i32 = 900;
const BAR: i32 = 14;
const GAP: i32 = 14;
const ABOVE: i32 = 84;
const BELOW: i32 = 40;
/// The left end of the bars, and the space for the figures to the right of them.
const LEFT: i32 = 130;
const RIGHT: i32 = 120;
const INK: &str = "#1F2937";
const FAINT: &str = "#D1D5DB";

/// The contenders in the order of their bars, with their colours.
const DRAWN: [(Name, &str); 6] = [
    (Name::Component, "#2563EB"),
    (Name::Hosted, "#0D9488"),
    (Name::Baseline, "#93C5FD"),
    (Name::Native, "#6B7280"),
    (Name::DefaultHost, "#A855F7"),
    (Name::Raw, "#CBD5E1"),
];

/// Draws the picture.
pub(super) fn svg(report: &Report) -> String {
    let bars = || report.latency.iter().flat_map(bars);
    let largest = bars().map(|bar| bar.ratio).fold(1.0, f64::max);
    let room = f64::from(WIDTH - LEFT - RIGHT);
    let x_of = |ratio: f64| LEFT + (ratio / largest * room).round() as i32;
    let height = ABOVE + bars().count() as i32 * BAR + report.latency.len() as i32 * GAP + BELOW;
    let mut elements = heads(report);
    let bottom = height - BELOW;
    for tenths in (0..=(largest * 10.0) as i32).step_by(tenths_between_lines(largest)) {
        let ratio = f64::from(tenths) / 10.0;
        let (x, color) = (x_of(ratio), if tenths == 10 { INK } else { FAINT });
        elements.push(rectangle(x, ABOVE - 6, 1, bottom - ABOVE + 6, color));
        elements.push(text(
            x,
            bottom + 6,
            9.7,
            TOP,
            "middle",
            &format!("{ratio:.1}"),
        ));
    }
    let mut y = ABOVE;
    for case in &report.latency {
        let top = y;
        for bar in self::bars(case) {
            let width = x_of(bar.ratio) - LEFT;
            elements.push(rectangle(LEFT, y + 1, width, BAR - 2, bar.color));
            let microseconds = bar.p50 as f64 / 1000.0;
            let labels = [format!("{:.2}", bar.ratio), format!("{microseconds:.0} µs")];
            for (label, x) in labels.iter().zip([WIDTH - 72, WIDTH - 12]) {
                elements.push(text(x, y + BAR / 2, 8.9, CENTER, "end", label));
            }
            y += BAR;
        }
        let title = case.case.title();
        elements.push(text(LEFT - 10, (top + y) / 2, 11.3, CENTER, "end", title));
        y += GAP;
    }
    let size = format!(r#"width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}""#);
    let elements = elements.join("\n");
    format!(
        "<svg {size} xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\" fill=\"{INK}\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#FFFFFF\"/>\n{elements}\n</svg>\n"
    )
}

/// Draws the title, the machine, and the legend with the colour of each contender.
fn heads(report: &Report) -> Vec<String> {
    let machine = &report.machine;
    let machine = format!(
        "{}, {}; wasmtime {}, plain HTTP on loopback",
        machine.processor.as_deref().unwrap_or(machine.architecture),
        machine.kernel,
        report.versions.wasmtime
    );
    let title = "Median time of one call, as a multiple of the native AWS SDK for Rust";
    let mut elements = vec![
        text(10, 10, 14.5, TOP, "start", title),
        text(10, 34, 9.7, TOP, "start", &machine),
    ];
    let mut x = 10;
    for (name, color) in DRAWN {
        let mut contenders = report.latency.iter().flat_map(|case| &case.contenders);
        if contenders.any(|one| one.name == name) {
            elements.push(rectangle(x, 56, 12, 12, color));
            elements.push(text(x + 18, 55, 10.5, TOP, "start", name.title()));
            // The viewer chooses the font, so leave space for wide letters.
            x += 40 + 8 * name.title().len() as i32;
        }
    }
    elements
}

struct Bar {
    color: &'static str,
    ratio: f64,
    p50: u64,
}

fn bars(case: &CaseFigures) -> impl Iterator<Item = Bar> {
    DRAWN.iter().filter_map(|(name, color)| {
        let figures = case.contenders.iter().find(|one| one.name == *name)?;
        Some(Bar {
            color,
            ratio: figures.over_native.map_or(1.0, |ratio| ratio.ratio),
            p50: figures.p50,
        })
    })
}

fn tenths_between_lines(largest: f64) -> usize {
    match largest {
        ..2.5 => 2,
        ..6.0 => 5,
        _ => 10,
    }
}

fn rectangle(x: i32, y: i32, width: i32, height: i32, color: &str) -> String {
    format!(r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{color}"/>"#)
}

/// The `dy` that moves a line of text down, so that `y` is its top or its middle.
const TOP: &str = "0.76em";
const CENTER: &str = "0.5ex";

fn text(x: i32, y: i32, size: f64, down: &str, anchor: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        r#"<text x="{x}" y="{y}" dy="{down}" font-size="{size}" text-anchor="{anchor}">{text}</text>"#
    )
}
