//! How many files this process may have open: 64 tasks that write four batches each have 256 connections, of which both ends
//! are here, and those of the contender before are still kept. Many systems allow 1,024 unless they are asked for more.

/// As many as this process may ask for. Where it may not, a call says that too many files are open.
#[cfg(unix)]
pub(super) fn allow_all() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(not(unix))]
pub(super) fn allow_all() {}
