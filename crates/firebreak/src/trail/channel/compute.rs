//! Ways to run code, and to reach what runs.

use super::{PLAIN, Request, Response, Row};
use crate::target::TargetKind;

pub(super) const ROWS: &[Row] = &[
    Row {
        source: "lambda.amazonaws.com",
        events: &[
            "CreateFunction",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
            "AddPermission",
            "CreateFunctionUrlConfig",
            "UpdateFunctionUrlConfig",
            "CreateEventSourceMapping",
        ],
        kind: TargetKind::LambdaFunction,
        named: &[(Request, "/functionName"), (Response, "/functionArn")],
        advice: "set its reserved concurrency to 0 (undone by the number before); read its code, layers, role and permissions",
        exact: Some(
            "aws lambda put-function-concurrency --function-name <id> --reserved-concurrent-executions 0 --region <region> (undone \
             by the number before); read its code, layers, role and permissions",
        ),
        ..PLAIN
    },
    Row {
        source: "lambda.amazonaws.com",
        events: &["PublishLayerVersion", "AddLayerVersionPermission"],
        named: &[(Response, "/layerVersionArn"), (Request, "/layerName")],
        advice: "find the functions whose layers name it and put their layers back; keep it as evidence",
        ..PLAIN
    },
    Row {
        source: "ec2.amazonaws.com",
        events: &["CreateInstanceConnectEndpoint"],
        named: &[
            (Response, "/CreateInstanceConnectEndpointResponse/instanceConnectEndpoint/instanceConnectEndpointId"),
            (Response, "/instanceConnectEndpoint/instanceConnectEndpointId"),
        ],
        advice: "close its security group; look at the instances that can be reached through it",
        ..PLAIN
    },
    Row {
        source: "ec2.amazonaws.com",
        events: &["AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules"],
        named: &[(Request, "/groupId"), (Request, "/groupName"), (Request, "/ModifySecurityGroupRulesRequest/GroupId")],
        advice: "note its new rules, then ec2:RevokeSecurityGroupIngress (Authorize undoes it); look at who came in",
        exact: Some(
            "aws ec2 describe-security-group-rules --filters Name=<group>,Values=<id> --region <region>: note its new rules, then \
             revoke-security-group-ingress (authorize undoes it); look at who came in",
        ),
        ..PLAIN
    },
    Row {
        source: "ec2.amazonaws.com",
        events: &["CreateKeyPair", "ImportKeyPair"],
        named: &[(Request, "/keyName")],
        advice: "find the instances and launch templates that use this key pair, and ask for isolation of those instances",
        exact: Some(
            "aws ec2 describe-instances --filters Name=key-name,Values=<id> --region <region>: ask for isolation of those instances; \
             look through launch templates for it",
        ),
        ..PLAIN
    },
    Row {
        source: "ec2.amazonaws.com",
        events: &["ModifyInstanceAttribute"],
        kind: TargetKind::Ec2Instance,
        named: &[(Request, "/instanceId")],
        only_with: Some("/userData"),
        advice: "its user data runs as root when it starts: read it, ask for isolation of the instance, put the old one back",
        exact: Some(
            "aws ec2 describe-instance-attribute --attribute userData --instance-id <id> --region <region> shows what runs as root \
             when it starts: ask for isolation of the instance, put the old user data back",
        ),
        ..PLAIN
    },
    Row {
        source: "ec2-instance-connect.amazonaws.com",
        events: &["SendSSHPublicKey", "SendSerialConsoleSSHPublicKey"],
        kind: TargetKind::Ec2Instance,
        named: &[(Request, "/instanceId")],
        advice: "somebody could log in for 60 seconds and may still be there: ask for isolation of the instance",
        ..PLAIN
    },
    Row {
        source: "ec2.amazonaws.com",
        events: &["EnableSerialConsoleAccess"],
        itself: Some("serial consoles of EC2"),
        advice: "ec2:DisableSerialConsoleAccess, if it was off (Enable undoes it); look at the instances that were reached",
        exact: Some(
            "if it was off: aws ec2 disable-serial-console-access --region <region> (enable undoes it); look at the instances that \
             were reached",
        ),
        ..PLAIN
    },
    Row {
        source: "ssm.amazonaws.com",
        events: &["SendCommand", "StartSession"],
        kind: TargetKind::Ec2Instance,
        named: &[(Request, "/target")],
        several: &[(Request, "/instanceIds", "")],
        advice: "commands ran on it as root: read their output, ask for isolation of the instance",
        ..PLAIN
    },
    Row {
        source: "ssm.amazonaws.com",
        events: &["CreateActivation"],
        named: &[(Response, "/activationId"), (Request, "/iamRole")],
        advice: "find the managed nodes (mi-...) that registered with it; ask for isolation of the role it names",
        ..PLAIN
    },
    Row {
        source: "ecs.amazonaws.com",
        events: &["RegisterTaskDefinition"],
        kind: TargetKind::EcsTask,
        named: &[(Response, "/taskDefinition/taskDefinitionArn"), (Request, "/family")],
        advice: "ecs:UpdateService back to the revision before, wherever it is used; read its image and its task role",
        ..PLAIN
    },
    Row {
        source: "ecs.amazonaws.com",
        events: &["CreateService", "UpdateService", "RunTask", "StartTask", "ExecuteCommand"],
        kind: TargetKind::EcsTask,
        named: &[(Request, "/serviceName"), (Request, "/service"), (Request, "/task"), (Request, "/taskDefinition")],
        advice: "set a service's desired count to 0 (undone by the number before); read the image; ask for isolation of its task role",
        ..PLAIN
    },
    Row {
        source: "eks.amazonaws.com",
        events: &["CreateAccessEntry", "AssociateAccessPolicy", "UpdateAccessEntry"],
        named: &[(Request, "/name"), (Request, "/clusterName")],
        advice: "eks:DisassociateAccessPolicy of what is new, UpdateAccessEntry to the kubernetesGroups before; ask for isolation of \
                 its principals",
        exact: Some(
            "aws eks list-access-entries --cluster-name <id> --region <region>, then disassociate-access-policy of what is new, and \
             update-access-entry to the kubernetesGroups before (groups are no policy); ask for isolation of its principals",
        ),
        ..PLAIN
    },
    Row {
        source: "cloudformation.amazonaws.com",
        events: &["CreateStack", "UpdateStack", "ExecuteChangeSet"],
        named: &[(Response, "/stackId"), (Request, "/stackName")],
        advice: "read its template, its role and what it made: CloudFormation's own calls are not followed; ask for isolation of that",
        exact: Some(
            "aws cloudformation describe-stack-resources --stack-name <id> --region <region> lists what it made, which is not \
             followed: read it, the template and its role; ask for isolation of that",
        ),
        ..PLAIN
    },
    Row {
        source: "cloudformation.amazonaws.com",
        events: &["CreateStackSet", "UpdateStackSet", "CreateStackInstances"],
        named: &[(Request, "/stackSetName")],
        advice: "read its template, its role and its instances in other accounts; ask for isolation of what they made there",
        ..PLAIN
    },
    Row {
        source: "sagemaker.amazonaws.com",
        events: &["UpdateNotebookInstance", "CreateNotebookInstance", "CreatePresignedNotebookInstanceUrl"],
        named: &[(Request, "/notebookInstanceName")],
        advice: "sagemaker:StopNotebookInstance (Start undoes it); put its lifecycle configuration back; ask for isolation of its role",
        exact: Some(
            "aws sagemaker stop-notebook-instance --notebook-instance-name <id> --region <region> (start undoes it); put its \
             lifecycle configuration back; ask for isolation of its role",
        ),
        ..PLAIN
    },
    Row {
        source: "sagemaker.amazonaws.com",
        events: &["CreateNotebookInstanceLifecycleConfig", "UpdateNotebookInstanceLifecycleConfig"],
        named: &[(Request, "/notebookInstanceLifecycleConfigName")],
        advice: "find the notebooks that use it: it runs as root when they start; put the old script back; ask for isolation of \
                 their roles",
        ..PLAIN
    },
    Row {
        source: "bedrock.amazonaws.com",
        events: &["PutFoundationModelEntitlement", "CreateFoundationModelAgreement", "PutUseCaseForModelAccess"],
        named: &[(Request, "/modelId")],
        itself: Some("access to models of Bedrock"),
        advice: "find out in CloudTrail which models were called (InvokeModel, Converse); deny their use by policy, if nobody needs it",
        ..PLAIN
    },
];
