//! What `serve --credentials` adds: before the tables a gate that takes no request but those signed with
//! credentials of its own, and every source that gives such credentials out. A file for each source says
//! in the shell's words how a program comes to them; whoever follows it asks nobody beyond this machine.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::aws::{Account, Gate, Source, Sources};

/// The region that all is in.
const REGION: &str = "eu-central-1";

/// A gate and the sources behind it. Stops on drop.
pub(super) struct Lending {
    gate: Gate,
    _sources: Sources,
}

impl Lending {
    /// Starts the servers and writes the files into `folder`, which is made where it is missing. The gate
    /// stands before `upstream`, on this port, and `table` is what the files name.
    pub(super) fn start(
        folder: &Path,
        upstream: &str,
        port: u16,
        table: &str,
    ) -> Result<Self, String> {
        let account = Account::new();
        let gate = Gate::start_on_port(upstream, port, &account);
        let gate = gate.map_err(|error| format!("--port {port}: {error}"))?;
        let there = |error: io::Error| format!("--credentials {}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(there)?;
        let whole = folder.canonicalize().map_err(there)?;
        let sources = Sources::start(&account, &whole).map_err(there)?;
        let whole_text = whole.to_string_lossy();
        for source in Source::ALL {
            let mut variables = vec![
                ("DYNAMODB_TABLE", table.to_owned()),
                ("AWS_REGION", REGION.to_owned()),
                ("AWS_ENDPOINT_URL_DYNAMODB", gate.endpoint().to_owned()),
                ("AWS_ENDPOINT_URL_STS", sources.sts.endpoint().to_owned()),
            ];
            variables.extend(sources.environment(source, &whole_text));
            if source != Source::InstanceMetadata {
                // Else a program may look for the metadata of a machine that has none.
                variables.push(("AWS_EC2_METADATA_DISABLED", "true".to_owned()));
            }
            write(&whole, source, &variables).map_err(there)?;
        }
        Ok(Self {
            gate,
            _sources: sources,
        })
    }

    /// That of the gate.
    pub(super) fn endpoint(&self) -> &str {
        self.gate.endpoint()
    }
}

fn write(folder: &Path, source: Source, variables: &[(&str, String)]) -> io::Result<()> {
    let lines = variables.iter().map(|(name, value)| export(name, value));
    let file: PathBuf = folder.join(format!("{}.sh", source.name()));
    fs::write(file, lines.collect::<String>())
}

/// A line that any POSIX shell reads back as the value was.
fn export(name: &str, value: &str) -> String {
    format!("export {name}='{}'\n", value.replace('\'', r"'\''"))
}
