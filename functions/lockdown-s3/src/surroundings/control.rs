//! The client of S3 Control, which knows access points and Batch jobs.

use aws_config::SdkConfig;
use aws_sdk_s3control::Client;
use aws_sdk_s3control::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_s3control::config::{Builder, Region};

/// A client for one Region. The SDK puts the account in front of the name of the endpoint. Where somebody configured an endpoint, that
/// name need not exist: it is asked as it is, and the account is in a header anyway (S3 API reference, `x-amz-account-id`).
pub(super) fn client(config: &SdkConfig, region: &str) -> Client {
    let builder = Builder::from(config).region(Region::new(region.to_owned()));
    let builder = match config.endpoint_url() {
        Some(url) => builder.endpoint_resolver(AsItIs(url.to_owned())),
        None => builder,
    };
    Client::from_conf(builder.build())
}

#[derive(Debug)]
struct AsItIs(String);

impl ResolveEndpoint for AsItIs {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.0.clone()).build()))
    }
}
