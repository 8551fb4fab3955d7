//! One picture of the latencies: how long a call takes as a multiple of the native SDK's, case by case, the shorter the
//! better.

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::Report;
use crate::{contenders::Name, latency::CaseFigures};

/// Of the picture, in pixels.
const WIDTH: u32 = 900;
const BAR: i32 = 14;
const GAP: i32 = 14;
const ABOVE: i32 = 84;
const BELOW: i32 = 40;
/// Where the bars begin, and how much room the figures after them have.
const LEFT: i32 = 130;
const RIGHT: i32 = 120;
const INK: RGBColor = RGBColor(31, 41, 55);
const FAINT: RGBColor = RGBColor(209, 213, 219);
const FONT: &str = "sans-serif";

/// In the order of the bars.
const DRAWN: [Name; 5] = [
    Name::Component,
    Name::Baseline,
    Name::Native,
    Name::DefaultHost,
    Name::Raw,
];

type Drawn = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// The picture as SVG.
pub(super) fn svg(report: &Report) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let bars: usize = report.latency.iter().map(|case| bars(case).count()).sum();
    let gaps = report.latency.len() as i32 * GAP;
    let height = ABOVE + bars as i32 * BAR + gaps + BELOW;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        draw(report, height, &area)?;
        area.present()?;
    }
    Ok(svg)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw(report: &Report, height: i32, area: &Area<'_>) -> Drawn {
    let longest = report.latency.iter().flat_map(bars).map(|bar| bar.ratio);
    let scale = Scale {
        largest: longest.fold(1.0, f64::max),
    };
    heads(report, area)?;
    let bottom = height - BELOW;
    for tenths in (0..=(scale.largest * 10.0) as i32).step_by(scale.step()) {
        let x = scale.x(f64::from(tenths) / 10.0);
        let style = if tenths == 10 { INK } else { FAINT };
        area.draw(&PathElement::new([(x, ABOVE - 6), (x, bottom)], style))?;
        let label = format!("{:.1}", f64::from(tenths) / 10.0);
        write(area, &label, (x, bottom + 6), 12, (HPos::Center, VPos::Top))?;
    }
    let mut y = ABOVE;
    for case in &report.latency {
        let top = y;
        for bar in bars(case) {
            let corners = [(scale.x(0.0), y + 1), (scale.x(bar.ratio), y + BAR - 1)];
            area.draw(&Rectangle::new(corners, color(bar.name).filled()))?;
            let end = WIDTH as i32 - 12;
            let (ratio, time) = bar.labels();
            for (label, x) in [(ratio, end - 60), (time, end)] {
                let at = (x, y + BAR / 2);
                write(area, &label, at, 11, (HPos::Right, VPos::Center))?;
            }
            y += BAR;
        }
        let middle = (LEFT - 10, (top + y) / 2);
        write(
            area,
            case.case.title(),
            middle,
            14,
            (HPos::Right, VPos::Center),
        )?;
        y += GAP;
    }
    Ok(())
}

/// The title, the machine, and who has which colour.
fn heads(report: &Report, area: &Area<'_>) -> Drawn {
    let left = (HPos::Left, VPos::Top);
    let title = "Median time of one call, as a multiple of the native AWS SDK for Rust";
    write(area, title, (10, 10), 18, left)?;
    let machine = &report.machine;
    let machine = format!(
        "{}, {}; wasmtime {}, plain HTTP on loopback",
        machine.processor.as_deref().unwrap_or(machine.architecture),
        machine.kernel,
        report.versions.wasmtime
    );
    write(area, &machine, (10, 34), 12, left)?;
    let mut x = LEFT;
    for name in DRAWN {
        let cases = report.latency.iter();
        if !cases
            .flat_map(|case| &case.contenders)
            .any(|one| one.name == name)
        {
            continue;
        }
        let corners = [(x, 56), (x + 12, 68)];
        area.draw(&Rectangle::new(corners, color(name).filled()))?;
        write(area, name.title(), (x + 18, 55), 13, left)?;
        // The font is the viewer's: room for its widest letters.
        x += 40 + 8 * name.title().len() as i32;
    }
    Ok(())
}

fn write(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    size: i32,
    (horizontal, vertical): (HPos, VPos),
) -> Drawn {
    let style = (FONT, size)
        .into_text_style(area)
        .color(&INK)
        .pos(Pos::new(horizontal, vertical));
    area.draw_text(text, &style, at)?;
    Ok(())
}

struct Bar {
    name: Name,
    ratio: f64,
    p50: u64,
}

impl Bar {
    /// `0.78` and `171 µs`
    fn labels(&self) -> (String, String) {
        let microseconds = self.p50 as f64 / 1000.0;
        (
            format!("{:.2}", self.ratio),
            format!("{microseconds:.0} µs"),
        )
    }
}

fn bars(case: &CaseFigures) -> impl Iterator<Item = Bar> {
    DRAWN.iter().filter_map(|name| {
        let figures = case.contenders.iter().find(|one| one.name == *name)?;
        Some(Bar {
            name: *name,
            ratio: figures.over_native.map_or(1.0, |ratio| ratio.ratio),
            p50: figures.p50,
        })
    })
}

struct Scale {
    largest: f64,
}

impl Scale {
    fn x(&self, ratio: f64) -> i32 {
        let width = f64::from(WIDTH as i32 - LEFT - RIGHT);
        LEFT + (ratio / self.largest * width).round() as i32
    }

    /// Tenths from one line to the next.
    fn step(&self) -> usize {
        match self.largest {
            largest if largest < 2.5 => 2,
            largest if largest < 6.0 => 5,
            _ => 10,
        }
    }
}

fn color(name: Name) -> RGBColor {
    match name {
        Name::Component => RGBColor(37, 99, 235),
        Name::Baseline => RGBColor(147, 197, 253),
        Name::DefaultHost => RGBColor(168, 85, 247),
        Name::Native => RGBColor(107, 114, 128),
        Name::Raw => RGBColor(203, 213, 225),
    }
}
