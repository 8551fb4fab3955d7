//! A binding performs the operations that it lists, and no others.

use super::configuration::{configurations, some_refused, spelled, unknown};
use super::*;
use std::collections::BTreeSet;

pub const GROUP: Group = Group {
    name: "binding",
    interface: Interface::Binding,
    cases: cases!(
        [],
        [
            a_configured_binding_answers_ping,
            operations_are_listed_once_each_even_before_init,
            unlisted_operation_is_unsupported_and_named,
            listed_operation_is_performed(Invocation),
            absent_and_empty_parameters_mean_the_same(Invocation),
            unknown_parameter_is_ignored_silently(Invocation),
            binding_and_store_read_fields_by_the_same_rules,
            binding_is_unchanged_after_a_failed_init,
            store_and_binding_have_separate_configurations(BothInterfaces),
        ]
    ),
};

async fn a_configured_binding_answers_ping(scene: &Scene) -> Checked {
    Ok(scene.binding().await?.ping_binding().await?)
}

async fn operations_are_listed_once_each_even_before_init(scene: &Scene) -> Checked {
    let before = scene.bare().await?.operations().await?;
    let distinct: BTreeSet<_> = before.iter().collect();
    holds(
        distinct.len() == before.len(),
        format_args!("an operation is listed twice: {before:?}"),
    )?;
    let after = scene.binding().await?.operations().await?;
    equal("the operations after init", after, before)
}

async fn unlisted_operation_is_unsupported_and_named(scene: &Scene) -> Checked {
    let mut binding = scene.binding().await?;
    let listed = binding.operations().await?;
    let named = scene.key("no-such-operation");
    let odd = [
        "",
        " ",
        "\0",
        "création",
        "CREATE TABLE",
        "../create",
        named.as_str(),
    ];
    for operation in odd {
        if listed.iter().any(|known| known == operation) {
            continue;
        }
        for data in [&b""[..], b"{}", b"\xff\0"] {
            let answer = binding.invoke(operation, data, None).await;
            match operation == named {
                true => refused_naming(answer, "unsupported", operation)?,
                // The error names the operation readably, which is not always letter by
                // letter.
                false => refused(answer, "unsupported")?,
            }
        }
    }
    Ok(binding.ping_binding().await?)
}

async fn listed_operation_is_performed(scene: &Scene) -> Checked {
    let mut binding = scene.binding().await?;
    let (operation, data) = scene.invocation("k")?;
    let listed = binding.operations().await?;
    holds(
        listed.contains(&operation),
        format_args!("{operation:?} is not among {listed:?}"),
    )?;
    let response = binding.invoke(&operation, &data, None).await?;
    holds(
        response.data.is_some() || response.content_type.is_none(),
        "the response has a content type and no data",
    )
}

async fn absent_and_empty_parameters_mean_the_same(scene: &Scene) -> Checked {
    let mut binding = scene.binding().await?;
    let (operation, data) = scene.invocation("absent")?;
    let absent = binding.invoke(&operation, &data, None).await?;
    let (_, data) = scene.invocation("empty")?;
    let empty = binding.invoke(&operation, &data, Some(&Vec::new())).await?;
    equal(
        "the content type",
        (empty.data.is_some(), empty.content_type),
        (absent.data.is_some(), absent.content_type),
    )
}

/// Runtimes add parameters of their own, so not even a warning is allowed.
async fn unknown_parameter_is_ignored_silently(scene: &Scene) -> Checked {
    let mut binding = scene.binding().await?;
    let (operation, data) = scene.invocation("k")?;
    let said = scene.heard();
    binding.invoke(&operation, &data, Some(&unknown())).await?;
    equal("standard error", scene.heard(), said)
}

async fn binding_and_store_read_fields_by_the_same_rules(scene: &Scene) -> Checked {
    let metadata = scene.binding_metadata()?;
    let mut twice = spelled(metadata, str::to_ascii_uppercase);
    for (_, value) in &mut twice {
        "no such thing".clone_into(value);
    }
    twice.extend(unknown());
    twice.extend(spelled(metadata, str::to_ascii_lowercase));
    let mut binding = scene.blank().await?;
    binding.init_binding(&twice).await?;
    Ok(binding.ping_binding().await?)
}

async fn binding_is_unchanged_after_a_failed_init(scene: &Scene) -> Checked {
    let metadata = scene.binding_metadata()?;
    let mut binding = scene.binding().await?;
    let mut refused = 0;
    for doubtful in configurations(metadata) {
        match outcome(binding.init_binding(&doubtful).await)? {
            "ok" => binding.init_binding(metadata).await?,
            _ => refused += 1,
        }
        binding.ping_binding().await?;
    }
    some_refused(refused)
}

async fn store_and_binding_have_separate_configurations(scene: &Scene) -> Checked {
    let mut one: Caller = scene.blank().await?;
    let before = outcome(one.ping_binding().await)?;
    one.init(scene.state_metadata()?).await?;
    let after = outcome(one.ping_binding().await)?;
    equal("the binding's ping after init of the store", after, before)?;
    let mut other: Caller = scene.blank().await?;
    let before = outcome(other.ping().await)?;
    other.init_binding(scene.binding_metadata()?).await?;
    let after = outcome(other.ping().await)?;
    equal("the store's ping after init of the binding", after, before)
}
