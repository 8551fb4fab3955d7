//! What the host leaves alone.

use super::{OK, header, keys, recording, request, send, signing};
use crate::AwsCredentials;
use crate::egress::tests::call;

#[tokio::test]
async fn what_is_signed_already_passes_as_it_is() {
    let (server, heads) = recording(OK.to_owned()).await;
    let egress = signing(&server, &AwsCredentials::new(keys()))
        .build()
        .unwrap();
    let url = server.url();
    let own = ("authorization", "AWS4-HMAC-SHA256 Credential=AKIDGUEST/");
    let date = ("x-amz-date", "20260101T000000Z");
    send(&egress, request(&url, &[own, date], "{}"))
        .await
        .unwrap();
    let link = format!("{url}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0a");
    send(&egress, request(&link, &[], "{}")).await.unwrap();

    let heads = heads.lock().unwrap();
    assert_eq!(header(&heads[0], "authorization"), Some(own.1));
    assert_eq!(header(&heads[0], "x-amz-date"), Some(date.1));
    assert!(
        heads
            .iter()
            .all(|head| header(head, "x-amz-security-token").is_none())
    );
    assert!(header(&heads[1], "authorization").is_none());
}

#[tokio::test]
async fn what_goes_elsewhere_is_not_signed() {
    let (signed, _) = recording(OK.to_owned()).await;
    let (other, heads) = recording(OK.to_owned()).await;
    let egress = signing(&signed, &AwsCredentials::new(keys()));
    let egress = egress.allow_url(other.url()).build().unwrap();
    call(&egress, &other.url()).await.unwrap();
    let head = heads.lock().unwrap().remove(0);
    assert!(header(&head, "authorization").is_none());
    assert!(header(&head, "x-amz-security-token").is_none());
}
