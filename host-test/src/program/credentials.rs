//! Grants the component the access it needs to find credentials like a native program on this
//! machine. That is: environment variables, the directories of the files that they name, and
//! hosts.

use std::path::{Path, PathBuf};

/// The variables that name a source of credentials or the way to reach it.
pub(super) const VARIABLES: [&str; 19] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_ENDPOINT_URL_STS",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "DYNAMODB_SIGNING",
    HOME,
];

const HOME: &str = "HOME";

/// The variables that hold a URL to call.
const URLS: [&str; 4] = [
    super::destination::ENDPOINT_OF_EVERY_SERVICE,
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_ENDPOINT_URL_STS",
];

/// The variables that hold the path of a file.
const FILES: [&str; 4] = [
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// The hosts where AWS itself provides credentials: the agents of ECS and EKS, and instance
/// metadata.
pub(super) const METADATA_HOSTS: [&str; 5] = [
    "169.254.170.2:80",
    "169.254.170.23:80",
    "[fd00:ec2::23]:80",
    "169.254.169.254:80",
    "[fd00:ec2::254]:80",
];

/// The variables of one component.
type Variables<'a> = &'a [(&'static str, String)];

/// Returns the URLs that the variables name.
pub(super) fn urls(variables: Variables<'_>) -> impl Iterator<Item = &str> {
    let named = |(name, _): &&(&'static str, String)| URLS.contains(name);
    variables.iter().filter(named).map(|(_, url)| url.as_str())
}

/// Returns the existing directories of the files that the variables name. The home directory and
/// its parents are never granted, even if a variable names a file there.
pub(super) fn directories(variables: Variables<'_>) -> Vec<PathBuf> {
    let home = variables.iter().find(|(name, _)| *name == HOME);
    let home = home.map(|(_, path)| Path::new(path));
    let named = variables.iter().filter(|(name, _)| FILES.contains(name));
    let named = named.filter_map(|(_, path)| match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest).parent().map(Path::to_owned),
        _ => Path::new(path).parent().map(Path::to_owned),
    });
    let of_home = home.map(|home| home.join(".aws"));
    // Compare the path without links and `..`, which may lead elsewhere.
    let real = |path: &Path| path.canonicalize().ok();
    let real_home = home.and_then(real);
    let holds_home = |path: &Path| {
        real_home
            .as_ref()
            .is_some_and(|home| home.starts_with(path))
    };
    let is_root = |path: &Path| path.parent().is_none();
    let may_be_lent = |path: &Path| {
        path.is_absolute()
            && path.is_dir()
            && real(path).is_some_and(|real| !is_root(&real) && !holds_home(&real))
    };
    let all = named.chain(of_home);
    all.filter(|path| may_be_lent(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_named_files_are_granted_if_they_exist() {
        let folder = tempfile::tempdir().unwrap();
        let path = |below: &str| folder.path().join(below);
        for below in ["home/.aws", "home/own", "tokens"] {
            std::fs::create_dir_all(path(below)).unwrap();
        }
        let text = |below: &str| path(below).to_str().unwrap().to_owned();
        let variables = [
            ("AWS_CONFIG_FILE", "~/own/config".to_owned()),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", text("tokens/token")),
            ("AWS_SHARED_CREDENTIALS_FILE", text("missing/credentials")),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token".to_owned()),
            ("AWS_ENDPOINT_URL_STS", text("tokens")),
            ("HOME", text("home")),
        ];
        let expected = ["home/own", "tokens", "home/.aws"].map(path);
        assert_eq!(directories(&variables), expected);
        assert_eq!(urls(&variables).collect::<Vec<_>>(), [text("tokens")]);
    }

    #[test]
    fn root_home_and_parents_of_home_are_never_granted() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("of/me");
        std::fs::create_dir_all(home.join(".aws")).unwrap();
        let home = home.to_str().unwrap().to_owned();
        for named in [
            "/config".to_owned(),
            "~/config".to_owned(),
            format!("{home}/config"),
            format!("{home}/../config"),
            format!("{home}/.aws/../config"),
            format!("{home}/../../config"),
        ] {
            let variables = [("AWS_CONFIG_FILE", named), ("HOME", home.clone())];
            let lent = directories(&variables);
            assert_eq!(lent, [Path::new(&home).join(".aws")], "{variables:?}");
        }
        let without_home = [("AWS_CONFIG_FILE", "/config".to_owned())];
        assert!(directories(&without_home).is_empty());
    }
}
