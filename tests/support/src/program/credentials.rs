//! The command `credentials`. It runs a proxy in front of an embedded DynamoDB, which accepts only
//! requests signed with its own credentials, and every source of these credentials. For each source
//! it writes a shell file with the variables that a program needs. A program with these variables
//! contacts this machine only.

use crate::aws::{Account, SignatureProxy, Source, Sources};
use clap::Args;
use host_test::command_line::Failure;
use host_test::embedded::Embedded;
use host_test::program::serve::ServeArguments;
use host_test::program::{Status, Surroundings};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The region of all servers.
const REGION: &str = "eu-central-1";

/// The arguments of `credentials`.
#[derive(Debug, Args)]
pub(super) struct CredentialsArguments {
    /// Write the settings of each source of credentials to this folder: shared files, STS, a
    /// container's agent, instance metadata. Each source has a file to read into a shell, such as
    /// `. DIR/web-identity.sh`, which names the first table
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    serve: ServeArguments,
}

pub(super) async fn run(
    arguments: &CredentialsArguments,
    surroundings: &mut Surroundings<'_>,
) -> io::Result<Status> {
    let (_embedded, lending) = match start(arguments).await {
        Ok(started) => started,
        Err(failure) => {
            writeln!(surroundings.stderr, "error: {failure}")?;
            return Ok(Status::Failure);
        }
    };
    let serving = &arguments.serve.serving;
    serving.serve(lending.endpoint(), surroundings).await
}

async fn start(arguments: &CredentialsArguments) -> Result<(Embedded, Lending), Failure> {
    let serve = &arguments.serve;
    // The port is for the proxy, which takes the requests.
    let embedded = serve.start(0).await?;
    let (upstream, port) = (embedded.endpoint(), serve.serving.port);
    let lending = Lending::start(&arguments.folder, upstream, port, serve.table());
    Ok((embedded, lending.map_err(Failure::here)?))
}

/// A proxy and the sources of its credentials. Stops on drop.
struct Lending {
    proxy: SignatureProxy,
    _sources: Sources,
}

impl Lending {
    /// Starts the servers and writes the files to `folder`, which is created if absent. The proxy
    /// runs in front of `upstream` on this port. The files name `table`.
    fn start(folder: &Path, upstream: &str, port: u16, table: &str) -> Result<Self, String> {
        let account = Account::new();
        let proxy = SignatureProxy::start_on_port(upstream, port, &account);
        let proxy = proxy.map_err(|error| format!("--port {port}: {error}"))?;
        let there = |error: io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(there)?;
        let whole = folder.canonicalize().map_err(there)?;
        let sources = Sources::start(&account, &whole).map_err(there)?;
        let whole_text = whole.to_string_lossy();
        for source in Source::ALL {
            let mut variables = vec![
                ("DYNAMODB_TABLE", table.to_owned()),
                ("AWS_REGION", REGION.to_owned()),
                ("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint().to_owned()),
                ("AWS_ENDPOINT_URL_STS", sources.sts.endpoint().to_owned()),
            ];
            variables.extend(sources.environment(source, &whole_text));
            if source != Source::InstanceMetadata {
                // Otherwise a program may ask for the metadata of a machine that has none.
                variables.push(("AWS_EC2_METADATA_DISABLED", "true".to_owned()));
            }
            write(&whole, source, &variables).map_err(there)?;
        }
        Ok(Self {
            proxy,
            _sources: sources,
        })
    }

    /// Returns the endpoint of the proxy.
    fn endpoint(&self) -> &str {
        self.proxy.endpoint()
    }
}

fn write(folder: &Path, source: Source, variables: &[(&str, String)]) -> io::Result<()> {
    let lines = variables.iter().map(|(name, value)| export(name, value));
    let file: PathBuf = folder.join(format!("{}.sh", source.name()));
    fs::write(file, lines.collect::<String>())
}

/// Returns a line that sets the variable to exactly this value in any POSIX shell.
fn export(name: &str, value: &str) -> String {
    format!("export {name}='{}'\n", value.replace('\'', r"'\''"))
}
