//! Result i answers request i, for any number of requests and repeated keys.

use super::*;

pub const GROUP: Group = Group {
    name: "bulk",
    interface: Interface::State,
    cases: cases!(
        [],
        [
            empty_bulk_calls_return_an_empty_list,
            bulk_get_answers_absent_and_repeated_keys_by_position,
            a_thousand_items_are_set_read_and_deleted_in_bulk,
            bulk_get_reports_a_wrong_key_and_reads_the_others,
            bulk_set_reports_a_wrong_request_and_writes_the_others,
            bulk_delete_accepts_absent_keys_and_reports_a_wrong_one,
            bulk_set_keeps_the_content_type_of_each_item,
            bulk_set_returns_the_etags_by_position(Etag),
            sets_of_one_key_take_effect_in_order,
        ]
    ),
};

/// Returns the values of a bulk-get, by position.
async fn values(store: &mut Caller, names: &[&str]) -> Checked<Vec<Option<Vec<u8>>>> {
    let items = store.bulk_get(names).await?.into_iter();
    items
        .map(|item| Ok(succeeds("a key of bulk-get", item)?.map(|item| item.value)))
        .collect()
}

async fn empty_bulk_calls_return_an_empty_list(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    equal("bulk-get", store.bulk_get(&[]).await?, [])?;
    equal("bulk-set", store.bulk_set(&[]).await?, [])?;
    equal("bulk-delete", store.bulk_delete(&[]).await?, [])
}

async fn bulk_get_answers_absent_and_repeated_keys_by_position(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("a", b"1", None).await?;
    store.set("b", &[0xff], None).await?;
    let asked = ["b", "absent", "a", "b", "absent", "a", "a"];
    let (one, ff) = (Some(b"1".to_vec()), Some(vec![0xff]));
    let expected = [&ff, &None, &one, &ff, &None, &one, &one].map(Clone::clone);
    equal("bulk-get", values(&mut store, &asked).await?, expected)
}

async fn a_thousand_items_are_set_read_and_deleted_in_bulk(scene: &Scene) -> Checked {
    const MANY: usize = 1000;
    let mut store = scene.store().await?;
    let names: Vec<String> = (0..MANY).map(|i| format!("k-{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let sets: Vec<_> = names
        .iter()
        .map(|name| set_of(name, name.as_bytes(), None))
        .collect();
    let written = store.bulk_set(&sets).await?;
    equal("the number of results of bulk-set", written.len(), MANY)?;
    let read = store.bulk_get(&names).await?;
    equal("the number of results of bulk-get", read.len(), MANY)?;
    for ((name, set), item) in names.iter().zip(written).zip(read) {
        let etag = succeeds(name, set)?;
        let item = there(name, succeeds(name, item)?)?;
        equal(name, item.value.as_slice(), name.as_bytes())?;
        equal("the ETag of bulk-set", etag, item.etag.unwrap_or_default())?;
    }
    let deletes: Vec<_> = names.iter().map(|name| delete_of(name, None)).collect();
    let deleted = store.bulk_delete(&deletes).await?;
    equal("bulk-delete", deleted, vec![Ok(()); MANY])?;
    let read = values(&mut store, &names).await?;
    equal("bulk-get of deleted items", read, vec![None; MANY])
}

async fn bulk_get_reports_a_wrong_key_and_reads_the_others(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("a", b"1", None).await?;
    let [first, empty, last] = by_position(store.bulk_get(&["a", "", "a"]).await?)?;
    fails(empty, |error| is_error(error, "invalid-argument"))?;
    for item in [first, last] {
        let item = there("the item", succeeds("the key beside it", item)?)?;
        equal("the value", item.value, b"1")?;
    }
    Ok(())
}

async fn bulk_set_reports_a_wrong_request_and_writes_the_others(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let sets = [
        set_of("a", b"1", None),
        set_of("", b"2", None),
        set_of("b", b"3", None),
    ];
    let [a, empty, b] = by_position(store.bulk_set(&sets).await?)?;
    fails(empty, |error| is_error(error, "invalid-argument"))?;
    for (name, value, set) in [("a", b"1", a), ("b", b"3", b)] {
        let etag = succeeds("the request beside it", set)?;
        let item = store.item(name).await?;
        equal(name, item.value, value)?;
        equal("the ETag", item.etag.unwrap_or_default(), etag)?;
    }
    Ok(())
}

async fn bulk_delete_accepts_absent_keys_and_reports_a_wrong_one(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("a", b"1", None).await?;
    let deletes = ["a", "", "absent"].map(|name| delete_of(name, None));
    let [a, empty, absent] = by_position(store.bulk_delete(&deletes).await?)?;
    succeeds("the request beside it", a)?;
    succeeds("a bulk-delete of an absent key", absent)?;
    fails(empty, |error| is_error(error, "invalid-argument"))?;
    equal("a deleted item", store.get("a").await?, None)
}

async fn bulk_set_keeps_the_content_type_of_each_item(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let types = [
        ("json", Some("application/json")),
        ("none", None),
        ("text", Some("text/plain")),
    ];
    let sets = types.map(|(name, kind)| set_of(name, b"v", kind.and_then(content_type)));
    for set in store.bulk_set(&sets).await? {
        succeeds("a request of bulk-set", set)?;
    }
    for (name, kind) in types {
        let item = store.item(name).await?;
        equal(name, item.content_type.as_deref(), kind)?;
    }
    Ok(())
}

async fn bulk_set_returns_the_etags_by_position(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let sets = ["a", "b", "c"].map(|name| set_of(name, name.as_bytes(), None));
    let written: [_; 3] = by_position(store.bulk_set(&sets).await?)?;
    for (set, etag) in sets.iter().zip(written) {
        let etag = succeeds(&set.key, etag)?;
        equal(&set.key, store.item(&set.key).await?.etag, Some(etag))?;
    }
    Ok(())
}

/// Covers all ways to batch the requests: within one batch, across two, and over many.
async fn sets_of_one_key_take_effect_in_order(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for length in [2_usize, 3, 30] {
        let value = |i: usize| i.to_string().into_bytes();
        let mut sets: Vec<_> = (0..length)
            .map(|i| set_of("same", &value(i), None))
            .collect();
        sets.insert(1, set_of("other", b"v", None));
        let written = store.bulk_set(&sets).await?;
        equal("the number of results", written.len(), sets.len())?;
        let mut last = String::new();
        for set in written {
            last = succeeds("a request of bulk-set", set)?;
        }
        let item = store.item("same").await?;
        equal("the value", item.value, value(length - 1))?;
        equal("the ETag", item.etag.unwrap_or_default(), last)?;
    }
    let twice = ["same", "other", "same"].map(|name| delete_of(name, None));
    let deleted = store.bulk_delete(&twice).await?;
    equal("bulk-delete", deleted, vec![Ok(()); 3])?;
    let read = values(&mut store, &["same", "other"]).await?;
    equal("bulk-get of deleted items", read, [None, None])
}
