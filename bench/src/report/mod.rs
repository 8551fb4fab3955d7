//! What was measured, in one value: a [`table`] for people shows it, a [`plot`] draws the latencies, and JSON holds all of it.

mod columns;
mod plot;
mod table;
mod versions;

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use serde::Serialize;

pub(super) use self::{columns::columns, versions::Versions};
use super::{
    cold_start::ColdStartFigures, dapr::DaprFigures, latency::CaseFigures, machine::Machine,
    memory::MemoryFigures, throughput::ThroughputFigures,
};
use host_test::command_line::Failure;

/// Everything that one run measured. What it left out is empty.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// Whether it ran briefly, so that its figures are not to be trusted.
    pub quick: bool,
    /// What.
    pub versions: Versions,
    /// One call at a time, over plain HTTP.
    pub latency: Vec<CaseFigures>,
    /// One call at a time, over TLS.
    pub tls: Vec<CaseFigures>,
    /// Many tasks.
    pub throughput: Vec<ThroughputFigures>,
    /// From the file to the first answer.
    pub cold_start: Option<ColdStartFigures>,
    /// Resident memory.
    pub memory: Vec<MemoryFigures>,
    /// Beside Dapr's own component.
    pub dapr: Vec<DaprFigures>,
}

impl Report {
    /// Nothing but where and what.
    pub(super) fn new(machine: Machine, quick: bool, component: &Path) -> Result<Self, Failure> {
        Ok(Self {
            machine,
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
    pub(crate) fn show(&self, to: &mut dyn Write) -> io::Result<()> {
        table::write(self, to)
    }

    /// Writes all of it as JSON.
    pub(crate) fn write_json(&self, file: &Path) -> io::Result<()> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        fs::write(file, json)
    }

    /// Draws the latencies as SVG.
    pub(crate) fn draw(&self, file: &Path) -> io::Result<()> {
        fs::write(file, plot::svg(self).map_err(io::Error::other)?)
    }
}
