//! The surroundings of one instance: nothing, unless an option gives it.

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

/// How many requests an instance may have under way, unless the embedder says otherwise. A bulk call of `dapr_dynamodb.wasm`
/// has eight; the connections to a host are enough for several instances that use all of theirs.
const MAX_REQUESTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// How many random bytes a component may ask for at once: the host makes a copy of them.
const MAX_RANDOM: u64 = 1 << 20;

/// The surroundings of one instance.
///
/// As made by [`InstanceOptions::new`] there are none: no environment variable, no file, no network, standard input at
/// its end, standard output and standard error thrown away. A component has clocks and random numbers in any case.
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

/// A directory of this machine, and the name that the instance has for it.
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
    /// No surroundings at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one environment variable of the instance. The last value of a name counts.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.into()));
        self
    }

    /// Lets the instance read a directory of this machine, with all that lies beneath it, under the name `guest`: an absolute
    /// path, such as that which an environment variable of the instance begins with. It writes nothing there and sees nothing
    /// beside it: a symbolic link that leads out of the directory is not followed. The last directory of a name counts.
    ///
    /// It is opened when an instance starts, which fails with [`HostError::Directory`] where there is none. The files in it are
    /// opened when the instance asks, so that one that was replaced meanwhile is read as it is now, also where a link to another
    /// directory was replaced, as Kubernetes does with the tokens that it projects. Lend a whole mount rather than a directory
    /// within it that may be replaced.
    ///
    /// A component that is not trusted may keep open as many files as it has handles, which count towards those of this process.
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

    /// Lends the instance these credentials of AWS, so that all instances that are lent the same ask their source once.
    ///
    /// The instance finds them as it finds those of a container: `AWS_CONTAINER_CREDENTIALS_FULL_URI` in its environment names
    /// an address, and `AWS_CONTAINER_AUTHORIZATION_TOKEN` what it must say there. They take the place of what
    /// [`env`](Self::env) sets of that kind. The address is answered in this process: it needs no rule of the
    /// [`Egress`], and leads to nothing for an instance that was lent nothing. Credentials that the component finds earlier, such
    /// as `accessKey` of its metadata or `AWS_ACCESS_KEY_ID`, count before these.
    ///
    /// The component then has the keys in its memory. Where it can leave signing to the host,
    /// [`EgressBuilder::sign`](crate::EgressBuilder::sign) keeps them out of it.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn lend_credentials(mut self, credentials: &AwsCredentials) -> Self {
        self.lent = Some(credentials.clone());
        self
    }

    /// Lets the instance send HTTP requests where `egress` allows it. Without, every request is refused.
    #[must_use]
    pub fn egress(mut self, egress: Egress) -> Self {
        self.egress = Some(egress);
        self
    }

    /// Lets the instance have this much linear memory at most, in bytes, and tables of functions beside it that together
    /// are no larger. Without, each memory has what 32 bits can address: 4 GiB.
    ///
    /// A component asks for more when its allocator has no room left, and most trap when they are refused: the call gives
    /// [`CallError::MemoryLimit`](crate::CallError::MemoryLimit) and the instance is lost.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Lets each call of the instance, and its start, take this much time at most, whether the component
    /// [computes](crate::PluginBuilder::interruptible) or waits for the network. Without, it takes as long as it takes.
    ///
    /// A call past its limit is cancelled: it gives [`CallError::TimeLimit`](crate::CallError::TimeLimit) and the instance is
    /// lost. It is meant for a component that went wrong: one that is well has shorter timeouts of its own, and then says
    /// what it waited for.
    ///
    /// One step is not interrupted: filling or copying memory, and what it hands to the host or gives as a result. It takes
    /// some seconds for each GiB: [`memory_limit`](Self::memory_limit) bounds that as well.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// How many HTTP requests the instance may have under way at a time; 64 by default. One is under way until its answer was
    /// read to the end or dropped, so that a component that keeps answers does not keep all connections of its [`Egress`]
    /// ([`EgressBuilder::max_connections_per_host`](crate::EgressBuilder::max_connections_per_host)) from other instances.
    /// Answers that the host gives itself, such as lent credentials, count as well.
    ///
    /// Requests beyond that wait, within the time that the component gives to connecting; then they fail with wasi:http's
    /// `connection-limit-reached`. [`PluginBuilder::max_requests`](crate::PluginBuilder::max_requests) bounds the requests of
    /// all instances of a plugin together.
    #[must_use]
    pub fn max_requests(mut self, requests: NonZeroUsize) -> Self {
        self.max_requests = Some(requests);
        self
    }

    /// Gives the functions of your own interfaces a value, which they get with
    /// [`HostState::context`](crate::HostState::context). There is one value of each type: the last one given.
    ///
    /// All instances that start with these options share the value. For a value that one instance has alone, start it with
    /// options of its own.
    #[cfg(feature = "wasmtime")]
    #[must_use]
    pub fn context<T: std::any::Any + Send + Sync>(mut self, value: std::sync::Arc<T>) -> Self {
        self.contexts.insert(value);
        self
    }

    /// Sends what the instance writes to standard error to that of this process, without a bound.
    ///
    /// This setting, [`capture_stderr`](Self::capture_stderr), [`trace_stderr`](Self::trace_stderr) and
    /// [`stderr`](Self::stderr) replace each other: the last one counts. Without any, standard error is thrown away.
    #[must_use]
    pub fn inherit_stderr(mut self) -> Self {
        self.stderr = Stderr::Inherit;
        self
    }

    /// Keeps the newest 64 KiB of what each instance writes to standard error, for
    /// [`Instance::take_stderr`](crate::Instance::take_stderr). Older lines are dropped as a whole.
    ///
    /// Nobody gets an instance that does not start, or that an [`InstancePool`](crate::InstancePool) cannot configure.
    /// Its newest lines, 4 KiB at most, are then sent to `tracing` at level WARN, as those of
    /// [`trace_stderr`](Self::trace_stderr) are.
    #[must_use]
    pub fn capture_stderr(mut self) -> Self {
        self.stderr = Stderr::Capture;
        self
    }

    /// Sends each line that an instance writes to standard error to `tracing`: an event at level INFO with the target
    /// `dapr_wasm_host::stderr`, the line as its message, and a field `instance`, a number that no other instance of this
    /// process has.
    ///
    /// Control characters are escaped, and a line of more than 8 KiB becomes several events. How many lines there are is not
    /// bounded, but by the time that the component has: filter them by their target where it is not trusted.
    #[must_use]
    pub fn trace_stderr(mut self) -> Self {
        self.stderr = Stderr::Trace;
        self
    }

    /// Collects what the instance writes to standard error in a sink that several instances may share.
    #[must_use]
    pub fn stderr(mut self, sink: &CapturedStderr) -> Self {
        self.stderr = Stderr::Share(sink.clone());
        self
    }

    /// Files and variables, the way out, and what keeps standard error for this instance alone.
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
        // Both are of no use while no address is allowed; said once more, because a plugin's only way out is its egress.
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
        )
    }
}

// The environment is where credentials are: its names may be printed, its values not.
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
