//! The figures of a run in one value: a [`table`] shows them to people, a [`plot`] draws the latencies, and JSON holds all.

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

/// Everything that one run measured. What it left out is empty.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    /// True if it ran briefly, so that its figures are not to be trusted.
    pub(super) quick: bool,
    pub(super) versions: Versions,
    /// One call at a time, over plain HTTP.
    pub(super) latency: Vec<CaseFigures>,
    /// One call at a time, over TLS.
    pub(super) tls: Vec<CaseFigures>,
    pub(super) throughput: Vec<ThroughputFigures>,
    pub(super) cold_start: Option<ColdStartFigures>,
    pub(super) memory: Vec<MemoryFigures>,
    pub(super) dapr: Vec<DaprFigures>,
}

impl Report {
    /// Names the machine and the versions, and holds no figures yet.
    pub(super) fn new(quick: bool, component: &Path) -> Result<Self> {
        Ok(Self {
            machine: Machine::of_this_process(),
            quick,
            versions: Versions::with(component)?,
            latency: Vec::new(),
            tls: Vec::new(),
            throughput: Vec::new(),
            cold_start: None,
            memory: Vec::new(),
            dapr: Vec::new(),
        })
    }

    /// Writes tables for people.
    pub(super) fn show(&self, to: &mut dyn Write) -> io::Result<()> {
        table::write(self, to)
    }

    /// Writes all of it as JSON.
    pub(super) fn write_json(&self, file: &Path) -> io::Result<()> {
        fs::write(file, format!("{}\n", serde_json::to_string_pretty(self)?))
    }

    /// Draws the latencies as SVG.
    pub(super) fn draw(&self, file: &Path) -> io::Result<()> {
        fs::write(file, plot::svg(self))
    }
}
