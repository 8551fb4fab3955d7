//! A refused transaction applies none of its operations.

use super::*;

pub const GROUP: Group = Group {
    name: "transactions refused",
    interface: Interface::State,
    cases: cases!(
        [Transactional],
        [
            failed_condition_refuses_the_transaction_and_names_its_key(Etag),
            empty_key_refuses_the_whole_transaction,
            invalid_time_to_live_refuses_the_whole_transaction(Ttl),
            too_many_operations_are_an_invalid_argument,
        ]
    ),
};

async fn failed_condition_refuses_the_transaction_and_names_its_key(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("guard", b"1", None).await?;
    store.set("kept", b"1", None).await?;
    let failing = [
        ("guard", set("guard", b"2", if_etag("bad-etag"))),
        ("guard", set("guard", b"2", first_write())),
        ("guard", delete("guard", delete_if_etag("bad-etag"))),
        ("absent", set("absent", b"2", if_etag("1"))),
        ("absent", delete("absent", delete_if_etag("1"))),
    ];
    for (name, operation) in failing {
        let operations = [set("new", b"2", None), operation, delete("kept", None)];
        let answer = store.transact(&operations).await;
        mismatch(answer, &scene.key(name))?;
        equal("new", store.value("new").await?, None)?;
        equal("guard", store.value("guard").await?, Some(b"1".to_vec()))?;
        equal("absent", store.value("absent").await?, None)?;
        equal("kept", store.value("kept").await?, Some(b"1".to_vec()))?;
    }
    Ok(())
}

async fn empty_key_refuses_the_whole_transaction(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for wrong in [set("", b"v", None), delete("", None)] {
        let operations = [set("a", b"v", None), wrong];
        refused(store.transact(&operations).await, "invalid-argument")?;
        equal("the refused item", store.value("a").await?, None)?;
    }
    Ok(())
}

async fn invalid_time_to_live_refuses_the_whole_transaction(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for seconds in [-2, i64::MIN, i64::MAX] {
        let operations = [set("a", b"v", None), set("b", b"v", expiring(seconds))];
        refused(store.transact(&operations).await, "invalid-argument")?;
        for name in ["a", "b"] {
            equal("the refused item", store.value(name).await?, None)?;
        }
    }
    Ok(())
}

/// The largest transaction that is tried.
const MOST: u32 = 10_000;

async fn too_many_operations_are_an_invalid_argument(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let size = store.max_transaction_size().await?;
    if size >= MOST {
        return Err(Unmet::NotApplicable(format!(
            "a transaction takes {size} operations; more than {MOST} are not tried"
        )));
    }
    let many: Vec<_> = (0..=size)
        .map(|i| set(&format!("k-{i}"), b"v", None))
        .collect();
    refused(store.transact(&many).await, "invalid-argument")?;
    equal("the refused item", store.value("k-0").await?, None)?;
    // All operations count, even if their combined effect is smaller.
    let on_one_key: Vec<_> = (0..=size).map(|_| set("k", b"v", None)).collect();
    refused(store.transact(&on_one_key).await, "invalid-argument")?;
    equal("the refused item", store.value("k").await?, None)
}
