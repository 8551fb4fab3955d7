//! Every component reads a configuration by the rules of the contract. A configuration takes effect
//! when its `init` succeeds.

use super::*;
use dapr_wasm_host::types::Metadata;

pub const GROUP: Group = Group {
    name: "configuration",
    interface: Interface::State,
    cases: cases!(
        [],
        [
            store_works_after_a_second_init,
            field_names_are_case_insensitive,
            last_value_of_a_repeated_field_counts,
            empty_field_counts_as_absent,
            unknown_field_is_ignored,
            store_is_unchanged_after_a_failed_init,
            instance_is_unchanged_after_a_failed_init,
            before_init_all_calls_are_not_initialized_or_none,
        ]
    ),
};

async fn works(store: &mut Caller) -> Checked {
    store.set("k", b"v", None).await?;
    equal("the value", store.item("k").await?.value, b"v")
}

async fn store_works_after_a_second_init(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    works(&mut store).await?;
    store.init(scene.state_metadata()?).await?;
    works(&mut store).await
}

/// Returns the configuration of the store. The case does not apply if it has no fields.
fn fields(scene: &Scene) -> Checked<&Metadata> {
    match scene.state_metadata()? {
        none if none.is_empty() => Err(Unmet::NotApplicable("no field is configured".to_owned())),
        fields => Ok(fields),
    }
}

async fn field_names_are_case_insensitive(scene: &Scene) -> Checked {
    let metadata = fields(scene)?;
    for spell in [str::to_ascii_uppercase, str::to_ascii_lowercase] {
        let mut store = scene.blank().await?;
        store.init(&spelled(metadata, spell)).await?;
        works(&mut store).await?;
    }
    Ok(())
}

async fn last_value_of_a_repeated_field_counts(scene: &Scene) -> Checked {
    let metadata = fields(scene)?;
    let mut twice: Metadata = metadata
        .iter()
        .map(|(name, _)| (name.to_ascii_uppercase(), "no such thing".to_owned()))
        .collect();
    twice.extend(metadata.iter().cloned());
    let mut store = scene.blank().await?;
    store.init(&twice).await?;
    works(&mut store).await
}

async fn empty_field_counts_as_absent(scene: &Scene) -> Checked {
    let metadata = fields(scene)?;
    for (name, _) in metadata {
        let mut absent = scene.blank().await?;
        let of_absent = outcome(absent.init(&without(metadata, name)).await)?;
        let mut empty = scene.blank().await?;
        // The empty value comes after the real one, so it is the last and counts.
        let mut emptied = metadata.clone();
        emptied.extend(with(&Metadata::new(), name, ""));
        let of_empty = outcome(empty.init(&emptied).await)?;
        equal(
            format_args!("init with an empty {name:?}"),
            of_empty,
            of_absent,
        )?;
        if of_absent == "ok" {
            equal(
                format_args!("features with an empty {name:?}"),
                empty.features().await?,
                absent.features().await?,
            )?;
        }
    }
    Ok(())
}

async fn unknown_field_is_ignored(scene: &Scene) -> Checked {
    let mut metadata = unknown();
    metadata.extend(scene.state_metadata()?.iter().cloned());
    let mut store = scene.blank().await?;
    store.init(&metadata).await?;
    works(&mut store).await
}

async fn store_is_unchanged_after_a_failed_init(scene: &Scene) -> Checked {
    let metadata = scene.state_metadata()?;
    let mut store = scene.store().await?;
    store.set("kept", b"v", None).await?;
    let mut refused = 0;
    for doubtful in configurations(metadata) {
        if outcome(store.init(&doubtful).await)? == "ok" {
            store.init(metadata).await?;
            continue;
        }
        refused += 1;
        equal("the value", store.item("kept").await?.value, b"v")?;
    }
    some_refused(refused)
}

async fn instance_is_unchanged_after_a_failed_init(scene: &Scene) -> Checked {
    let metadata = scene.state_metadata()?;
    let before = outcome(scene.blank().await?.get("k").await)?;
    let mut refused = 0;
    for doubtful in configurations(metadata) {
        let mut store = scene.blank().await?;
        if outcome(store.init(&doubtful).await)? == "ok" {
            continue;
        }
        refused += 1;
        let after = outcome(store.get("k").await)?;
        equal("a get after an init that failed", after, before)?;
        store.init(metadata).await?;
        works(&mut store).await?;
    }
    some_refused(refused)
}

async fn before_init_all_calls_are_not_initialized_or_none(scene: &Scene) -> Checked {
    const NOT: &str = "not-initialized";
    let bare = || scene.bare();
    let (sets, deletes) = ([set_of("k", b"v", None)], [delete_of("k", None)]);
    let outcomes = [
        ("features", outcome(bare().await?.features().await)?),
        ("ping", outcome(bare().await?.ping().await)?),
        ("get", outcome(bare().await?.get("k").await)?),
        ("set", outcome(bare().await?.set("k", b"v", None).await)?),
        ("delete", outcome(bare().await?.delete("k", None).await)?),
        ("bulk-get", outcome(bare().await?.bulk_get(&["k"]).await)?),
        ("bulk-set", outcome(bare().await?.bulk_set(&sets).await)?),
        (
            "bulk-delete",
            outcome(bare().await?.bulk_delete(&deletes).await)?,
        ),
        // A store without transactions may report that first.
        (
            "transact",
            outcome(bare().await?.transact(&[set("k", b"v", None)]).await)?,
        ),
    ];
    let counted = outcomes
        .iter()
        .filter(|(_, outcome)| *outcome != "unsupported");
    let of_all = counted.clone().count();
    let not_initialized = counted.filter(|(_, outcome)| *outcome == NOT).count();
    holds(
        not_initialized == 0 || not_initialized == of_all,
        format_args!("some calls are {NOT} and others are not: {outcomes:?}"),
    )
}

/// A value that hardly any field accepts.
const NONSENSE: &str = "\u{1} no such thing \u{1}";

/// Returns configurations that a component may refuse. For most fields it does.
pub fn configurations(metadata: &Metadata) -> Vec<Metadata> {
    let mut doubtful = vec![Metadata::new()];
    for (name, _) in metadata {
        doubtful.push(without(metadata, name));
        doubtful.push(with(metadata, name, NONSENSE));
    }
    doubtful
}

/// Checks that at least one configuration was refused. Otherwise the case does not apply.
pub fn some_refused(refused: usize) -> Checked {
    match refused {
        0 => Err(Unmet::NotApplicable(
            "the component accepts every configuration that was tried".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Returns the metadata without this field.
pub fn without(metadata: &Metadata, name: &str) -> Metadata {
    let others = metadata.iter().filter(|(other, _)| other != name);
    others.cloned().collect()
}

/// Returns the metadata with another value for this field.
pub fn with(metadata: &Metadata, name: &str, value: &str) -> Metadata {
    let mut changed = without(metadata, name);
    changed.push((name.to_owned(), value.to_owned()));
    changed
}

/// Returns the metadata with every name changed by `spell`.
pub fn spelled(metadata: &Metadata, spell: impl Fn(&str) -> String) -> Metadata {
    let fields = metadata.iter();
    fields
        .map(|(name, value)| (spell(name), value.clone()))
        .collect()
}

/// Returns fields that no component knows.
pub fn unknown() -> Metadata {
    ["x-nobody-knows-this", "", " ", "\0", "⏱️", "a\r\nb"]
        .map(|name| (name.to_owned(), "x".to_owned()))
        .to_vec()
}
