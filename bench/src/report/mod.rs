//! The figures of one run. [`table`] prints them, [`plot`] draws the latencies, and JSON contains all of them.

mod plot;
mod table;

use super::cold_start::ColdStartFigures;
use super::dapr::DaprFigures;
use super::latency::CaseFigures;
use super::memory::MemoryFigures;
use super::testbed::{Machine, Versions};
use super::throughput::ThroughputFigures;
use anyhow::Result;
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// All figures of one run. Sections that did not run are empty.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    /// True with `--quick`. The figures are then not reliable.
    pub(super) quick: bool,
    pub(super) versions: Versions,
    /// One call at a time, over plain HTTP.
    pub(super) latency: Vec<CaseFigures>,
    /// One call at a time, over TLS.
    pub(super) tls: Vec<CaseFigures>,
    pub(super) throughput: Vec<ThroughputFigures>,
    pub(super) cold_start: Vec<ColdStartFigures>,
    pub(super) memory: Vec<MemoryFigures>,
    pub(super) dapr: Vec<DaprFigures>,
}

impl Report {
    /// Makes a report with the machine and the versions, and without figures.
    pub(super) fn new(quick: bool, component: &Path, hosted: &Path) -> Result<Self> {
        Ok(Self {
            machine: Machine::of_this_process(),
            quick,
            versions: Versions::with(component, Some(hosted))?,
            latency: Vec::new(),
            tls: Vec::new(),
            throughput: Vec::new(),
            cold_start: Vec::new(),
            memory: Vec::new(),
            dapr: Vec::new(),
        })
    }

    /// Writes the figures as tables.
    pub(super) fn show(&self, to: &mut dyn Write) -> io::Result<()> {
        table::write(self, to)
    }

    /// Writes the whole report as JSON.
    pub(super) fn write_json(&self, file: &Path) -> io::Result<()> {
        fs::write(file, format!("{}\n", serde_json::to_string_pretty(self)?))
    }

    /// Draws the latencies as SVG.
    pub(super) fn draw(&self, file: &Path) -> io::Result<()> {
        fs::write(file, plot::svg(self))
    }
}
