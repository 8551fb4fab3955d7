//! Tests of the directories that are granted to an instance.

use super::components::binding_by_hand;
use super::folders::private_folder;
use super::{assert_matches, load};
use crate::{HostError, InstanceOptions};
use std::fs;
use std::path::Path;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// The WASI surroundings of an instance, called in the way wasmtime does for a component.
struct Surroundings {
    wasi: WasiCtx,
    resources: ResourceTable,
}

impl WasiView for Surroundings {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.resources,
        }
    }
}

impl Surroundings {
    fn of(options: &InstanceOptions) -> Self {
        Self {
            wasi: options.open().unwrap().0,
            resources: ResourceTable::new(),
        }
    }

    fn directories(&mut self) -> Vec<(Resource<Descriptor>, String)> {
        self.filesystem().get_directories().unwrap()
    }

    async fn open(
        &mut self,
        path: &str,
        how: OpenFlags,
        to: DescriptorFlags,
    ) -> Result<Resource<Descriptor>, ErrorCode> {
        let (directory, _) = self.directories().remove(0);
        let follow = PathFlags::SYMLINK_FOLLOW;
        let opened = self
            .filesystem()
            .open_at(directory, follow, path.to_owned(), how, to)
            .await;
        opened.map_err(|error| error.downcast().unwrap())
    }

    async fn read(&mut self, path: &str) -> Result<String, ErrorCode> {
        let file = self.open(path, OpenFlags::empty(), DescriptorFlags::READ);
        let file = file.await?;
        let (bytes, _) = self.filesystem().read(file, 64, 0).await.unwrap();
        Ok(String::from_utf8(bytes).unwrap())
    }
}

fn lending(directory: &Path) -> Surroundings {
    Surroundings::of(&InstanceOptions::new().read_only_directory(directory, "/secrets"))
}

#[test]
fn instance_sees_only_granted_directories() {
    let mut nothing = Surroundings::of(&InstanceOptions::new());
    assert!(nothing.directories().is_empty());

    let (first, second) = (private_folder(), private_folder());
    let options = InstanceOptions::new()
        .read_only_directory(first.path(), "/a")
        .read_only_directory(first.path(), "/b")
        .read_only_directory(second.path(), "/a");
    let lent = Surroundings::of(&options).directories();
    let names: Vec<_> = lent.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["/b", "/a"]);
}

#[tokio::test]
async fn missing_directory_fails_the_start_and_is_named() {
    let folder = private_folder();
    let missing = folder.path().join("nowhere");
    let options = InstanceOptions::new().read_only_directory(&missing, "/secrets");
    let plugin = load(&binding_by_hand());
    let refused = plugin.instantiate(&options).await.unwrap_err();
    assert_matches!(refused, HostError::Directory { path, .. } if *path == missing);
    let sentence = refused.to_string();
    let named = missing.display().to_string();
    assert!(sentence.contains(&named), "{sentence}");
}

#[tokio::test]
async fn granted_directory_is_read_only() {
    let folder = private_folder();
    fs::write(folder.path().join("token"), "old").unwrap();
    let mut lent = lending(folder.path());
    let write = DescriptorFlags::READ | DescriptorFlags::WRITE;
    for (path, how) in [
        ("token", OpenFlags::empty()),
        ("token", OpenFlags::TRUNCATE),
        ("new", OpenFlags::CREATE),
    ] {
        let refused = lent.open(path, how, write).await.unwrap_err();
        assert_eq!(refused, ErrorCode::NotPermitted, "{path} {how:?}");
    }
    assert_eq!(lent.read("token").await.unwrap(), "old");
    assert!(!folder.path().join("new").exists());
}

#[tokio::test]
async fn replaced_file_is_read_again() {
    let folder = private_folder();
    fs::write(folder.path().join("token"), "old").unwrap();
    let mut lent = lending(folder.path());
    assert_eq!(lent.read("token").await.unwrap(), "old");

    fs::write(folder.path().join("next"), "new").unwrap();
    fs::rename(folder.path().join("next"), folder.path().join("token")).unwrap();
    assert_eq!(lent.read("token").await.unwrap(), "new");
}

/// Uses the layout of Kubernetes' AtomicWriter
/// (<https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go>). `token` links to
/// `..data/token`, and `..data` links to a directory with a timestamp. That directory is replaced as a whole.
#[cfg(unix)]
#[tokio::test]
async fn rotated_kubernetes_token_is_read_again() {
    use std::os::unix::fs::symlink;

    let folder = private_folder();
    let at = |name: &str| folder.path().join(name);
    for (moment, token) in [("..2026_1", "old"), ("..2026_2", "new")] {
        fs::create_dir(at(moment)).unwrap();
        fs::write(at(moment).join("token"), token).unwrap();
    }
    symlink("..2026_1", at("..data")).unwrap();
    symlink("..data/token", at("token")).unwrap();
    let mut lent = lending(folder.path());
    assert_eq!(lent.read("token").await.unwrap(), "old");

    symlink("..2026_2", at("..data_tmp")).unwrap();
    fs::rename(at("..data_tmp"), at("..data")).unwrap();
    fs::remove_dir_all(at("..2026_1")).unwrap();
    assert_eq!(lent.read("token").await.unwrap(), "new");
}

#[cfg(unix)]
#[tokio::test]
async fn link_out_of_the_directory_is_not_followed() {
    use std::os::unix::fs::symlink;

    let (inside, outside) = (private_folder(), private_folder());
    fs::write(outside.path().join("file"), "not lent").unwrap();
    symlink(outside.path().join("file"), inside.path().join("absolute")).unwrap();
    symlink("../..", inside.path().join("up")).unwrap();
    let mut lent = lending(inside.path());
    for path in ["absolute", "up", "../"] {
        let refused = lent.read(path).await.unwrap_err();
        assert_eq!(refused, ErrorCode::NotPermitted, "{path}");
    }
}
