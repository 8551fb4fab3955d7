//! The options of an instance. It can reach nothing of the outside unless an option grants it.

#[cfg(feature = "aws")]
use crate::credentials::AwsCredentials;
#[cfg(feature = "aws")]
use crate::egress::CredentialEndpoint;
use crate::egress::{Egress, Outgoing};
use crate::error::{EngineError, HostError};
#[cfg(feature = "wasmtime")]
use crate::imports::Contexts;
use crate::stderr::{CapturedStderr, InstanceStderr, StderrStream};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

/// The default limit of requests that an instance has in flight. A bulk call of `dapr_dynamodb.wasm` has eight. The
/// connections to a host are enough for several instances at this limit.
const MAX_REQUESTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// The limit of random bytes that a component may ask for at once, since the host makes a copy of them.
const MAX_RANDOM: u64 = 1 << 20;

/// The permissions and limits of an instance: network, environment variables, files, memory, time and standard error.
///
/// [`InstanceOptions::new`] grants nothing: no environment variable, no file and no network. Standard input is empty, and
/// standard output and standard error are discarded. A component always has clocks and random numbers.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::{Egress, InstanceOptions};
/// use std::time::Duration;
///
/// let egress = Egress::builder()
///     .allow_url("https://dynamodb.eu-west-1.amazonaws.com")
///     .build()?;
/// let options = InstanceOptions::new()
///     .egress(egress)
///     .env("AWS_REGION", "eu-west-1")
///     .memory_limit(64 << 20) // 64 MiB
///     .time_limit(Duration::from_secs(60))
///     .inherit_stderr();
/// # let _ = options;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct InstanceOptions {
    environment: Vec<(String, String)>,
    directories: Vec<Directory>,
    egress: Option<Egress>,
    memory_limit: Option<usize>,
    time_limit: Option<Duration>,
    max_requests: Option<NonZeroUsize>,
    stderr: Stderr,
    #[cfg(feature = "wasmtime")]
    pub(crate) contexts: Contexts,
    #[cfg(feature = "aws")]
    lent: Option<AwsCredentials>,
}

/// A directory of this machine, and its name inside the instance.
#[derive(Clone, Debug)]
struct Directory {
    host: PathBuf,
    guest: String,
}

#[derive(Clone, Debug, Default)]
enum Stderr {
    #[default]
    Discard,
    Inherit,
    Share(CapturedStderr),
    Capture,
    Trace,
}

impl InstanceOptions {
    /// Makes options that grant nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one environment variable of the instance; none by default. A later value of the same name replaces an earlier
    /// one.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.into()));
        self
    }

    /// Lets the instance read the directory `host` of this machine and everything below it; no directory by default.
    ///
    /// The instance sees it under the name `guest`, an absolute path. It cannot write there, and cannot leave the directory:
    /// a symbolic link that leads out of it is not followed. A later directory of the same `guest` name replaces an earlier
    /// one.
    ///
    /// The directory is opened when an instance starts. If it does not exist, the start fails with [`HostError::Directory`].
    /// Files are opened when the instance asks for them, so it reads the current file after one was replaced. That also holds
    /// after a link to another directory was replaced, as Kubernetes does with projected tokens. If a directory inside a mount
    /// may be replaced, lend the whole mount.
    ///
    /// An instance may keep up to 1,000 files open. They count towards the open files of this process.
    #[must_use]
    pub fn read_only_directory(
        mut self,
        host: impl Into<PathBuf>,
        guest: impl Into<String>,
    ) -> Self {
        let guest = guest.into();
        self.directories.retain(|known| known.guest != guest);
        let host = host.into();
        self.directories.push(Directory { host, guest });
        self
    }

    /// Lends AWS credentials to the instance. All instances with the same credentials share one fetch from their source.
    ///
    /// The instance finds them like the credentials of a container. `AWS_CONTAINER_CREDENTIALS_FULL_URI` in its environment
    /// holds an address, and `AWS_CONTAINER_AUTHORIZATION_TOKEN` the token to send there. They replace variables of that kind
    /// from [`env`](Self::env). This process answers requests to the address, so the [`Egress`] needs no rule for it. The
    /// address does not work for an instance without lent credentials.
    ///
    /// Credentials that the component finds earlier take precedence, such as `accessKey` in its metadata or
    /// `AWS_ACCESS_KEY_ID`.
    ///
    /// The component then has the keys in its memory. [`EgressBuilder::sign`](crate::EgressBuilder::sign) keeps them out of it,
    /// for a component that can leave signing to the host.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn lend_credentials(mut self, credentials: &AwsCredentials) -> Self {
        self.lent = Some(credentials.clone());
        self
    }

    /// Lets the instance send HTTP requests to the hosts that `egress` allows, with
    /// [`wasi:http` or `dapr-wasm:host`](crate#requests-of-a-component). By default, every request is refused.
    #[must_use]
    pub fn egress(mut self, egress: Egress) -> Self {
        self.egress = Some(egress);
        self
    }

    /// Limits the linear memories of the instance together, in bytes. By default each memory may grow to 4 GiB, which is what
    /// 32 bits address. The tables of the instance together have the same limit.
    ///
    /// A component asks for more memory when its allocator has no room left. Most components trap when that is refused. The
    /// call then returns [`CallError::MemoryLimit`](crate::CallError::MemoryLimit), and the instance is lost.
    ///
    /// The limit also bounds the bytes that the host copies for one call. The default of that is 1 GiB. It bounds two more
    /// things for [`dapr-wasm:host/http-client`](crate#requests-of-a-component), each by itself: responses that the instance
    /// has not taken, and bodies of requests that it started. They are never more than 128 MiB.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Limits the time of each call of the instance and of its start; unset by default. The limit holds whether the component
    /// [computes](crate::PluginBuilder::interruptible) or waits for the network.
    /// [`State::time_limit`](crate::State::time_limit) and [`Binding::time_limit`](crate::Binding::time_limit) override it for
    /// single calls.
    ///
    /// A call past its limit is cancelled: it returns [`CallError::TimeLimit`](crate::CallError::TimeLimit), and the instance
    /// is lost. The limit is a safety net for a component that misbehaves. A sound component has shorter timeouts of its own,
    /// and its error says what it waited for.
    ///
    /// Some steps cannot be interrupted: filling or copying memory, and passing arguments and results between the component
    /// and the host. They take some seconds for each GiB, so set a [`memory_limit`](Self::memory_limit) as well.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Limits the HTTP requests that the instance has in flight; 64 by default. A request is in flight until its response was
    /// read to the end or dropped. Responses that the host makes itself, such as lent credentials, count as well.
    ///
    /// The limit keeps an instance that does not read its responses from taking all connections of its [`Egress`]
    /// ([`EgressBuilder::max_connections_per_host`](crate::EgressBuilder::max_connections_per_host)). Further requests wait, no
    /// longer than the component's connect timeout, and then fail with wasi:http's `connection-limit-reached`
    /// ([`no-connection`](crate#requests-of-a-component) of `http-client`).
    /// [`PluginBuilder::max_requests`](crate::PluginBuilder::max_requests) limits the requests of all instances of a plugin
    /// together.
    #[must_use]
    pub fn max_requests(mut self, requests: NonZeroUsize) -> Self {
        self.max_requests = Some(requests);
        self
    }

    /// Sets a value that the functions of your own interfaces read with
    /// [`HostState::context`](crate::HostState::context); none by default. There is one value of each type: a later value
    /// replaces an earlier one of the same type.
    ///
    /// All instances that start with these options share the value. To give an instance its own value, start it with its own
    /// options.
    #[cfg(feature = "wasmtime")]
    #[must_use]
    pub fn context<T: std::any::Any + Send + Sync>(mut self, value: std::sync::Arc<T>) -> Self {
        self.contexts.insert(value);
        self
    }

    /// Passes the standard error of the instance on to that of this process, without a limit on its size.
    ///
    /// This setting, [`capture_stderr`](Self::capture_stderr), [`trace_stderr`](Self::trace_stderr) and
    /// [`stderr`](Self::stderr) override each other: the last call counts. By default, standard error is discarded.
    #[must_use]
    pub fn inherit_stderr(mut self) -> Self {
        self.stderr = Stderr::Inherit;
        self
    }

    /// Captures the newest 64 KiB that each instance writes to standard error, for
    /// [`Instance::take_stderr`](crate::Instance::take_stderr). Older lines are dropped as a whole.
    ///
    /// You never get an instance that fails to start, or that an [`InstancePool`](crate::InstancePool) cannot configure. Its
    /// newest lines, 4 KiB at most, go to `tracing` at level WARN, in the form of [`trace_stderr`](Self::trace_stderr).
    #[must_use]
    pub fn capture_stderr(mut self) -> Self {
        self.stderr = Stderr::Capture;
        self
    }

    /// Sends each line that an instance writes to standard error to `tracing`, as an event at level INFO.
    ///
    /// The target of the event is `dapr_wasm_host::stderr`, and its message is the line. Its field `instance` is a number that
    /// is unique to the instance within this process.
    ///
    /// Control characters are escaped, and a line of more than 8 KiB becomes several events. Only the running time of the
    /// component limits the number of lines. If you do not trust the component, filter events by their target.
    #[must_use]
    pub fn trace_stderr(mut self) -> Self {
        self.stderr = Stderr::Trace;
        self
    }

    /// Captures the standard error of the instance in `sink`, which several instances may share.
    #[must_use]
    pub fn stderr(mut self, sink: &CapturedStderr) -> Self {
        self.stderr = Stderr::Share(sink.clone());
        self
    }

    /// Opens what a starting instance needs: files and variables, its outgoing requests, and its own capture of standard error.
    ///
    /// Errors: [`HostError::Directory`], [`HostError::NoRandomNumbers`].
    pub(crate) fn open(&self) -> Result<(WasiCtx, Outgoing, Option<InstanceStderr>), HostError> {
        #[cfg_attr(
            not(feature = "aws"),
            expect(unused_mut, reason = "lending adds to both")
        )]
        let (mut environment, mut outgoing) = (self.environment.clone(), self.outgoing());
        #[cfg(feature = "aws")]
        if let Some(credentials) = &self.lent {
            let endpoint = CredentialEndpoint::new(credentials.clone())?;
            endpoint.announce(&mut environment);
            outgoing.credential_endpoint = Some(endpoint);
        }
        let stderr = matches!(self.stderr, Stderr::Capture).then(InstanceStderr::new);
        let wasi = self.wasi(&environment, stderr.as_ref())?;
        Ok((wasi, outgoing, stderr))
    }

    fn wasi(
        &self,
        environment: &[(String, String)],
        captured: Option<&InstanceStderr>,
    ) -> Result<WasiCtx, HostError> {
        let mut wasi = WasiCtxBuilder::new();
        // Redundant while no address is allowed. It states that a plugin's only way out is its egress.
        wasi.allow_tcp(false).allow_udp(false);
        wasi.max_random_size(MAX_RANDOM);
        wasi.envs(environment);
        for Directory { host, guest } in &self.directories {
            wasi.preopened_dir(host, guest, FsPerms::ReadOnly)
                .map_err(|cause| HostError::Directory {
                    path: host.clone(),
                    cause: EngineError::new(cause),
                })?;
        }
        match &self.stderr {
            Stderr::Discard => {}
            Stderr::Inherit => {
                wasi.inherit_stderr();
            }
            Stderr::Share(sink) => {
                wasi.stderr(StderrStream::Keep(sink.clone()));
            }
            Stderr::Capture => {
                if let Some(captured) = captured {
                    wasi.stderr(captured.keeping());
                }
            }
            Stderr::Trace => {
                wasi.stderr(StderrStream::traced());
            }
        }
        Ok(wasi.build())
    }

    pub(crate) fn granted_memory(&self) -> Option<usize> {
        self.memory_limit
    }

    pub(crate) fn granted_time(&self) -> Option<Duration> {
        self.time_limit
    }

    fn outgoing(&self) -> Outgoing {
        Outgoing::new(
            self.egress.clone(),
            self.max_requests.unwrap_or(MAX_REQUESTS),
            self.memory_limit,
        )
    }
}

// The environment may hold credentials, so only its names are printed.
impl std::fmt::Debug for InstanceOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        let mut printed = f.debug_struct("InstanceOptions");
        #[cfg(feature = "aws")]
        printed.field("lent", &self.lent);
        #[cfg(feature = "wasmtime")]
        printed.field("contexts", &self.contexts);
        printed
            .field("environment", &names)
            .field("directories", &self.directories)
            .field("egress", &self.egress)
            .field("memory_limit", &self.memory_limit)
            .field("time_limit", &self.time_limit)
            .field("max_requests", &self.max_requests)
            .field("stderr", &self.stderr)
            .finish()
    }
}
