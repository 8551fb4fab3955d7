//! Tests that compare this parser of the shared files with the SDK's own parser. Both read the
//! same content, and refuse the same lines.

use super::{DEFAULT, Kind, Profiles};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::section::EnvConfigSections;
use aws_runtime::env_config::source;
use aws_types::os_shim_internal::{Env, Fs};
use fastrand::Rng;
use futures_util::FutureExt;
use std::collections::{BTreeMap, HashMap};

/// The properties by the names of profiles, or the file and the number of the invalid line.
type Said = Result<BTreeMap<String, BTreeMap<String, String>>, (Kind, usize)>;

/// The properties that are looked up in every profile, because the SDK's parser cannot list
/// them.
const PROPERTIES: &[&str] = &[
    "a",
    "b",
    "key",
    "region",
    "s3",
    "a-b",
    "a.b:c/d%e@f+g_h",
    "x#y",
    "é",
    "ab",
    "a;b",
];

fn ours(config: &str, credentials: &str) -> Said {
    let mut profiles = Profiles::new(None);
    for (kind, text) in [(Kind::Config, config), (Kind::Credentials, credentials)] {
        let sections = profiles.read(kind, "/file", text.as_bytes());
        let of_sections = sections.iter().filter_map(|s| s.fault.as_ref());
        let faults = of_sections.chain(&profiles.stray);
        if let Some(fault) = faults.min_by_key(|fault| fault.line) {
            return Err((kind, fault.line));
        }
        profiles.add(kind, "/file", text.as_bytes());
    }
    let sections = profiles.sections.iter();
    let names = sections.filter_map(|section| section.name.as_deref());
    let names = names.filter(|name| name.bytes().all(is_sound));
    let properties = |name| {
        let profile = profiles.get(name).unwrap().unwrap();
        let property = |property| Some((property_name(property)?, profile.get(property)?.into()));
        PROPERTIES
            .iter()
            .filter_map(|name| property(name))
            .collect()
    };
    Ok(names.map(|name| (name.into(), properties(name))).collect())
}

/// Returns true for bytes that the SDK accepts in a profile name. It skips profiles with others.
fn is_sound(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-/.%@:+".contains(&byte)
}

fn of_the_sdk(config: &str, credentials: &str) -> Said {
    let files = [("/config", config), ("/credentials", credentials)];
    let contents = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    let which = EnvConfigFiles::builder()
        .with_file(EnvConfigFileKind::Config, "/config")
        .with_file(EnvConfigFileKind::Credentials, "/credentials")
        .build();
    let contents = Fs::from_map(HashMap::from(contents));
    let loaded = source::load(&Env::from_slice(&[]), &contents, &which).now_or_never();
    let sections = EnvConfigSections::parse(loaded.unwrap().unwrap());
    let sections = sections.map_err(|error| {
        let sentence = error.to_string();
        let (path, rest) = sentence.split_once(" on line ").unwrap();
        let (line, _) = rest.split_once(':').unwrap();
        let is_config = path.ends_with("/config");
        let kind = if is_config {
            Kind::Config
        } else {
            Kind::Credentials
        };
        (kind, line.parse().unwrap())
    })?;
    let properties = |name| {
        let profile = sections.get_profile(name).unwrap();
        let property = |property| Some((property_name(property)?, profile.get(property)?.into()));
        PROPERTIES
            .iter()
            .filter_map(|name| property(name))
            .collect()
    };
    let names = sections.profiles();
    Ok(names.map(|name| (name.into(), properties(name))).collect())
}

/// Returns none if the SDK drops a property of that name. No code reads such a property.
fn property_name(name: &str) -> Option<String> {
    let is_dropped = name.contains(['#', ';']) || !name.is_ascii();
    (!is_dropped).then(|| name.to_owned())
}

fn same(config: &str, credentials: &str) -> Said {
    let ours = ours(config, credentials);
    let sdks = of_the_sdk(config, credentials);
    assert_eq!(ours, sdks, "config:\n{config}\ncredentials:\n{credentials}");
    ours
}

#[test]
fn config_file_is_read_as_by_the_sdk() {
    for config in [
        "",
        "\n  \n\t\n",
        "[profile x]",
        "[profile a-b/c.d%e@f:g+h_9]\na = 1",
        "[profile x!y]\na = 1\n[profile z]\nb = 2",
        "[profile \tx\t ]\na = 1",
        "[profile\tx]\na = 1",
        "[ profile x ]\na = 1",
        "[profile x]\r\na = 1\r\nb=2\r\n",
        "[profile x]\na = 1=2=",
        "[profile x]\na = é😀",
        "[profile x]\n\u{e9} = 1\na = 2",
        "[profile x]\na \t=\t 1 \t\nb=\t2",
        "[profile x]\na =\nb=2",
        "[profile x]\na = 1\n[profile y]\na = 2\n\n[profile x]\nb = 3",
        "# c\n; c\n[profile x] # c\n# c\na = 1 # c\nb = 2 ; c\n",
        "#\n;\n[profile x];c\n[profile y]#c\na = 1",
        "[profile x]\na = 1#no\nb = 2;no\nkey = 3 #c # d",
        "[profile x]\na = 1\u{a0}#c\nb = 2\u{3000};c",
        "[profile x]\na = 1\n  2\n\t3 \t\n",
        "[profile x]\na = 1\n  2 # kept\n  ; kept\n # kept",
        "[profile x]\na = 1\n\n  2\n#\n  3",
        "[profile x]\na = 1\na = 2\nA = 3\n  4",
        "[default]\na = 1\n[profile default]\nb = 2",
        "[profile default]\nb = 2\n[default]\na = 1",
        "[default]\na = 1\n[sso-session default]\nb = 2",
        "[x]\na = 1\n[default]\nb = 2",
        "[profilex]\na = 1\n[prof x]\na = 2\n[Profile x]\na = 3",
        "[sso-session x]\na = 1\n[services x]\ns3 =\n  a = 1\n[profile x]\nb = 2",
        "[profile x]\ns3 =\n  a = 1\n  b=2\n\n  c =\na = 3",
        "[profile x y]\na = 1",
        "[profile ]\na = 1",
        "[]\na = 1",
        "[profile \u{a0}]\na = 1",
        "[profile \u{a0}x]\na = 1",
        "[profile x]\na-b = 1\nA.B:c/d%e@f+g_H = 2\nx y = 3\nx!y = 4",
    ] {
        assert!(same(config, "").is_ok(), "{config}");
    }
}

#[test]
fn invalid_line_is_refused_as_by_the_sdk() {
    for (line, config) in [
        (1, "[profile x\na = 1"),
        (1, "[profile x # c ]"),
        (2, "\n[#]"),
        (1, "[profile x] y"),
        (1, "a = 1"),
        (1, "  a = 1"),
        (2, "[profile x]\na"),
        (2, "[profile x]\na # = 1"),
        (2, "[profile x]\n = 1"),
        (2, "[profile x]\n= 1"),
        (2, "[profile x]\n  a"),
        (4, "[profile x]\na = 1\n[profile y]\n  2"),
        (3, "[profile x]\ns3 =\n  a"),
        (3, "[profile x]\ns3 =\n  = a"),
        (3, "[profile x]\ns3 =\n  # a"),
        (4, "[profile x]\ns3 = # c\n  a = 1\n  b"),
        (2, "[x]\na"),
    ] {
        assert_eq!(same(config, ""), Err((Kind::Config, line)), "{config}");
    }
    let refused = same("[profile x]\na = 1", "[x]\na");
    assert_eq!(refused, Err((Kind::Credentials, 2)));
}

/// Returns the property `a` of each profile of both files, by the name of the profile. It is
/// none if a line of the profile is invalid.
fn values(config: &[u8], credentials: &[u8]) -> BTreeMap<String, Option<String>> {
    let mut profiles = Profiles::new(None);
    profiles.add(Kind::Config, "/config", config);
    profiles.add(Kind::Credentials, "/credentials", credentials);
    let sections = profiles.sections.iter();
    let names = sections.filter_map(|section| section.name.as_deref());
    let value = |name| {
        let profile = profiles.get(name).ok()??;
        profile.get("a").map(str::to_owned)
    };
    names.map(|name| (name.to_owned(), value(name))).collect()
}

fn owned(values: &[(&str, Option<&str>)]) -> BTreeMap<String, Option<String>> {
    let owned = |(name, value): &(&str, Option<&str>)| {
        let value = value.map(str::to_owned);
        ((*name).to_owned(), value)
    };
    values.iter().map(owned).collect()
}

/// The SDK skips profiles with such names. The expected values are from Python's
/// `shlex.split`.
#[test]
fn profile_may_have_any_name_as_in_the_aws_cli() {
    for (head, name) in [
        (r#"profile "my profile""#, Some("my profile")),
        ("profile 'my profile'", Some("my profile")),
        (r"profile my\ profile", Some("my profile")),
        (r#"profile "it's""#, Some("it's")),
        (r#"profile 'say "x"'"#, Some(r#"say "x""#)),
        (r#"profile "say \"x\" \n""#, Some(r#"say "x" \n"#)),
        (r#"profile my" "profile"#, Some("my profile")),
        ("profile m\u{fc}ller", Some("m\u{fc}ller")),
        ("profile x!y", Some("x!y")),
        ("profile my profile", None),
        (r#"profile "my profile"#, None),
        (r"profile my\", None),
    ] {
        let found = values(format!("[{head}]\na = 1").as_bytes(), b"");
        let expected = name.map(|name| (name, Some("1")));
        assert_eq!(found, owned(expected.as_slice()), "{head}");
    }
    let found = values(b"", b"[my profile]\na = 1\n[\"x\"]\na = 2\n");
    let expected = [("\"x\"", Some("2")), ("my profile", Some("1"))];
    assert_eq!(found, owned(&expected));
}

/// The SDK refuses the whole file.
#[test]
fn malformed_line_affects_only_its_own_profile() {
    let config = b"a = 0\n[profile x\na = 1\n[profile y]\na = 2\nb\n[profile z]\na = 3\n";
    let found = values(config, b"[y2]\n = 1\n[w]\na = 4\n");
    let expected = [
        ("y", None),
        ("z", Some("3")),
        ("y2", None),
        ("w", Some("4")),
    ];
    assert_eq!(found, owned(&expected));
}

/// The SDK refuses the whole file.
#[test]
fn invalid_utf_8_affects_only_its_own_profile() {
    let config = b"# \xfc\n[default] ; \xfc\na = 1 # \xfc\n[profile x]\na = \xfc\n\
        [profile y\xfc]\na = 2\n[profile z]\na = 3\n  \xfc\n";
    let expected = [("default", Some("1")), ("x", None), ("z", None)];
    assert_eq!(values(config, b""), owned(&expected));
}

/// The SDK reads it as the first character of a line.
#[test]
fn byte_order_mark_is_skipped() {
    let config = "\u{feff}[default]\na = 1";
    let credentials = "\u{feff}# c\n[x]\na = 2";
    let found = values(config.as_bytes(), credentials.as_bytes());
    assert_eq!(found, owned(&[("default", Some("1")), ("x", Some("2"))]));
}

#[test]
fn credentials_file_has_no_prefix_and_overrides_config() {
    for (config, credentials) in [
        ("", "[x]\na = 1"),
        ("", "[profile x]\na = 1"),
        ("", "[profile]\na = 1\n[x!y]\na = 2\n[ y\t]\na = 3"),
        ("", "[sso-session x]\na = 1\n[sso-sessionx]\nb = 2"),
        ("[profile x]\na = 1\nb = 1", "[x]\nb = 2\nkey = 2"),
        (
            "[default]\na = 1\n[profile default]\nb = 1",
            "[default]\nkey = 2",
        ),
        (
            "[profile default]\nb = 1",
            "[default]\nb = 2\n[profile default]\na = 3",
        ),
        ("[profile x]\na =\n  b = 1", "[x]\na = 2"),
    ] {
        assert!(same(config, credentials).is_ok(), "{config}\n{credentials}");
    }
}

#[test]
fn random_files_are_read_as_by_the_sdk() {
    let (mut read, mut refused) = (0, 0);
    for seed in 0..20_000 {
        let mut random = Rng::with_seed(seed);
        let config = file(
            &mut random,
            &["[ profile  ", "[profile\t", "[sso-session ", "[profile "],
        );
        let credentials = file(&mut random, &["[ ", "[", "[profile "]);
        match same(&config, &credentials) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(read > 2_000 && refused > 2_000, "{read} {refused}");
}

/// Returns a file of random lines that are nearly valid. Each profile has one spelling in a
/// file: with two spellings, the hash order decides which one the SDK reads last.
fn file(random: &mut Rng, prefixes: &[&str]) -> String {
    let ending = if random.bool() { "\n" } else { "\r\n" };
    let mut line = |first: bool| {
        let name = ["x", "y", "a-b", DEFAULT, "x!", ""][random.usize(..6)];
        let prefix = prefixes[name.len() % prefixes.len()];
        let head = || format!("{prefix}{name}]");
        let property = PROPERTIES[random.usize(..PROPERTIES.len())];
        let value = [
            "", "1", "2 3", "= 4", "é", "5#6", "7 # 8", "9\t;", "A\u{a0}#",
        ][random.usize(..9)];
        match if first { 0 } else { random.u32(..16) } {
            0..=2 => head(),
            3 => [head(), " # c".to_owned()].concat(),
            4 => "[default]".to_owned(),
            5..=8 => format!("{property} = {value}"),
            9 => format!("{}={value}\t", property.to_ascii_uppercase()),
            10 => format!("  {property} = {value}"),
            11 => format!("\t{value}"),
            12 => "  ".to_owned(),
            13 => "# c = d".to_owned(),
            14 => "a =".to_owned(),
            _ => [" # c", " = 1", "a", "[x", "; c"][random.usize(..5)].to_owned(),
        }
    };
    let lines: Vec<String> = (0..8).map(|index| line(index == 0)).collect();
    lines.join(ending)
}
