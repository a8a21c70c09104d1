// Written by the test `the_lists_name_every_whole_type`.
whole_types! {
    xen_public::abi::arm32::arch_arm {
        arch_shared_info
        arch_vcpu_info
        xen_pmu_arch
    }
    xen_public::abi::arm32::argo {
        xen_argo_addr
        xen_argo_iov
        xen_argo_register_ring
        xen_argo_ring
        xen_argo_ring_data
        xen_argo_ring_data_ent
        xen_argo_ring_message_header
        xen_argo_send_addr
        xen_argo_unregister_ring
    }
    xen_public::abi::arm32::callback {
        callback_register
        callback_unregister
    }
    xen_public::abi::arm32::compat::before_0x00030204::dom0_ops {
        dom0_memory_map_entry
        dom0_msr
    }
    xen_public::abi::arm32::compat::before_0x00030205::physdev {
        physdev_set_iobitmap
    }
    xen_public::abi::arm32::compat::before_0x00030206::xen {
        dom0_vga_console_info_u_vesa_lfb
    }
    xen_public::abi::arm32::compat::before_0x00030209::memory {
        xen_memory_exchange
        xen_memory_reservation
    }
    xen_public::abi::arm32::compat::before_0x0003020a::grant_table {
        grant_entry
    }
    xen_public::abi::arm32::compat::before_0x00040300::grant_table {
        gnttab_setup_table
    }
    xen_public::abi::arm32::compat::before_0x00040300::platform {
        xenpf_enter_acpi_sleep
    }
    xen_public::abi::arm32::compat::before_0x00040600::tmem {
        tmem_op_u_gen
    }
    xen_public::abi::arm32::compat::before_0x00040601::xen {
        shared_info
        vcpu_info
        vcpu_time_info
    }
    xen_public::abi::arm32::compat::before_0x00040700::memory {
        xen_add_to_physmap_batch
    }
    xen_public::abi::arm32::compat::before_0x00040900::hvm::hvm_op {
        xen_hvm_set_isa_irq_level
        xen_hvm_set_pci_intx_level
        xen_hvm_set_pci_link_route
    }
    xen_public::abi::arm32::compat::before_0x00040a00::hvm::hvm_op {
        xen_hvm_altp2m_set_mem_access
    }
    xen_public::abi::arm32::compat::before_0x00040d00::xen {
        dom0_vga_console_info_u_vesa_lfb
    }
    xen_public::abi::arm32::compat::before_0x00041300::io::cameraif {
        xencamera_page_directory
    }
    xen_public::abi::arm32::compat::before_0x00041300::io::displif {
        xendispl_page_directory
    }
    xen_public::abi::arm32::compat::before_0x00041300::io::fsif {
        fsif_read_request
        fsif_write_request
    }
    xen_public::abi::arm32::compat::before_0x00041300::io::sndif {
        xensnd_page_directory
    }
    xen_public::abi::arm32::compat::before_0x00041300::tmem {
        tmem_op_u_creat
        tmem_op_u_gen
        xen_tmem_oid
    }
    xen_public::abi::arm32::event_channel {
        evtchn_alloc_unbound
        evtchn_bind_interdomain
        evtchn_bind_ipi
        evtchn_bind_pirq
        evtchn_bind_vcpu
        evtchn_bind_virq
        evtchn_close
        evtchn_expand_array
        evtchn_fifo_control_block
        evtchn_init_control
        evtchn_reset
        evtchn_send
        evtchn_set_priority
        evtchn_status_u_interdomain
        evtchn_status_u_unbound
        evtchn_unmask
    }
    xen_public::abi::arm32::grant_table {
        gnttab_dump_table
        gnttab_get_status_frames
        gnttab_get_version
        gnttab_map_grant_ref
        gnttab_query_size
        gnttab_set_version
        gnttab_setup_table
        gnttab_swap_grant_ref
        gnttab_transfer
        gnttab_unmap_and_replace
        gnttab_unmap_grant_ref
        grant_entry_header
        grant_entry_v1
        grant_entry_v2_full_page
        grant_entry_v2_sub_page
        grant_entry_v2_transitive
    }
    xen_public::abi::arm32::hvm::dm_op {
        xen_dm_op_buf
        xen_dm_op_create_ioreq_server
        xen_dm_op_destroy_ioreq_server
        xen_dm_op_get_ioreq_server_info
        xen_dm_op_inject_event
        xen_dm_op_inject_msi
        xen_dm_op_ioreq_server_range
        xen_dm_op_map_mem_type_to_ioreq_server
        xen_dm_op_modified_memory
        xen_dm_op_modified_memory_extent
        xen_dm_op_nr_vcpus
        xen_dm_op_pin_memory_cacheattr
        xen_dm_op_relocate_memory
        xen_dm_op_remote_shutdown
        xen_dm_op_set_ioreq_server_state
        xen_dm_op_set_irq_level
        xen_dm_op_set_isa_irq_level
        xen_dm_op_set_mem_type
        xen_dm_op_set_pci_intx_level
        xen_dm_op_set_pci_link_route
        xen_dm_op_track_dirty_vram
    }
    xen_public::abi::arm32::hvm::hvm_info_table {
        hvm_info_table
    }
    xen_public::abi::arm32::hvm::hvm_op {
        xen_hvm_altp2m_change_gfn
        xen_hvm_altp2m_domain_state
        xen_hvm_altp2m_get_vcpu_p2m_idx
        xen_hvm_altp2m_mem_access
        xen_hvm_altp2m_set_mem_access_multi
        xen_hvm_altp2m_set_visibility
        xen_hvm_altp2m_suppress_ve
        xen_hvm_altp2m_suppress_ve_multi
        xen_hvm_altp2m_vcpu_disable_notify
        xen_hvm_altp2m_vcpu_enable_notify
        xen_hvm_altp2m_view
        xen_hvm_get_mem_type
        xen_hvm_get_time
        xen_hvm_pagetable_dying
        xen_hvm_param
        xen_hvm_xentrace
    }
    xen_public::abi::arm32::hvm::hvm_vcpu {
        vcpu_hvm_x86_32
        vcpu_hvm_x86_64
    }
    xen_public::abi::arm32::hvm::ioreq {
        buf_ioreq
        buffered_iopage
        ioreq
        shared_iopage
    }
    xen_public::abi::arm32::hvm::save {
        hvm_save_descriptor
        hvm_save_end
    }
    xen_public::abi::arm32::hypfs {
        xen_hypfs_direntry
    }
    xen_public::abi::arm32::io::_9pfs {
        xen_9pfs_data
        xen_9pfs_data_intf
    }
    xen_public::abi::arm32::io::blkif {
        blkif_back_ring
        blkif_front_ring
        blkif_request
        blkif_request_discard
        blkif_request_indirect
        blkif_request_segment
        blkif_response
        blkif_sring_pvt_netif
        blkif_sring_pvt_tapif_user
    }
    xen_public::abi::arm32::io::cameraif {
        xen_cameraif_back_ring
        xen_cameraif_front_ring
        xen_cameraif_sring_pvt_netif
        xen_cameraif_sring_pvt_tapif_user
        xencamera_buf_create_req
        xencamera_buf_get_layout_resp
        xencamera_buf_request
        xencamera_config_req
        xencamera_config_resp
        xencamera_ctrl_enum_resp
        xencamera_ctrl_value
        xencamera_event_page
        xencamera_frame_avail_evt
        xencamera_frame_rate_req
        xencamera_get_ctrl_req
        xencamera_index
        xencamera_page_directory
    }
    xen_public::abi::arm32::io::console {
        xencons_interface
    }
    xen_public::abi::arm32::io::displif {
        xen_displif_back_ring
        xen_displif_front_ring
        xen_displif_sring_pvt_netif
        xen_displif_sring_pvt_tapif_user
        xendispl_dbuf_create_req
        xendispl_dbuf_destroy_req
        xendispl_event_page
        xendispl_fb_attach_req
        xendispl_fb_detach_req
        xendispl_get_edid_req
        xendispl_get_edid_resp
        xendispl_page_directory
        xendispl_page_flip_req
        xendispl_pg_flip_evt
        xendispl_set_config_req
    }
    xen_public::abi::arm32::io::fbif {
        xenfb_page
        xenfb_refresh_period
        xenfb_resize
        xenfb_update
    }
    xen_public::abi::arm32::io::fsif {
        fsif_back_ring
        fsif_chmod_request
        fsif_close_request
        fsif_create_request
        fsif_front_ring
        fsif_list_request
        fsif_open_request
        fsif_read_request
        fsif_remove_request
        fsif_rename_request
        fsif_space_request
        fsif_sring_pvt_netif
        fsif_sring_pvt_tapif_user
        fsif_stat_request
        fsif_stat_response
        fsif_sync_request
        fsif_truncate_request
        fsif_write_request
    }
    xen_public::abi::arm32::io::kbdif {
        xenkbd_key
        xenkbd_motion
        xenkbd_mtouch_u_pos
        xenkbd_mtouch_u_shape
        xenkbd_page
        xenkbd_position
    }
    xen_public::abi::arm32::io::libxenvchan {
        ring_shared
        vchan_interface
    }
    xen_public::abi::arm32::io::netif {
        netif_extra_info_u_gso
        netif_extra_info_u_hash
        netif_extra_info_u_mcast
        netif_rx_back_ring
        netif_rx_front_ring
        netif_rx_request
        netif_rx_response
        netif_rx_sring_pvt_netif
        netif_rx_sring_pvt_tapif_user
        netif_tx_back_ring
        netif_tx_front_ring
        netif_tx_request
        netif_tx_response
        netif_tx_sring_pvt_netif
        netif_tx_sring_pvt_tapif_user
        xen_netif_ctrl_back_ring
        xen_netif_ctrl_front_ring
        xen_netif_ctrl_request
        xen_netif_ctrl_response
        xen_netif_ctrl_sring_pvt_netif
        xen_netif_ctrl_sring_pvt_tapif_user
        xen_netif_gref
    }
    xen_public::abi::arm32::io::pciif {
        xen_msix_entry
        xen_pci_op
        xen_pci_sharedinfo
        xen_pcie_aer_op
    }
    xen_public::abi::arm32::io::pvcalls {
        _xen_pvcalls_accept
        _xen_pvcalls_bind
        _xen_pvcalls_connect
        _xen_pvcalls_dummy
        _xen_pvcalls_listen
        _xen_pvcalls_poll
        _xen_pvcalls_release
        _xen_pvcalls_socket
        pvcalls_data
        pvcalls_data_intf
        xen_pvcalls_accept
        xen_pvcalls_back_ring
        xen_pvcalls_bind
        xen_pvcalls_connect
        xen_pvcalls_dummy
        xen_pvcalls_front_ring
        xen_pvcalls_listen
        xen_pvcalls_poll
        xen_pvcalls_release
        xen_pvcalls_socket
        xen_pvcalls_sring_pvt_netif
        xen_pvcalls_sring_pvt_tapif_user
    }
    xen_public::abi::arm32::io::sndif {
        xen_sndif_back_ring
        xen_sndif_front_ring
        xen_sndif_sring_pvt_netif
        xen_sndif_sring_pvt_tapif_user
        xensnd_cur_pos_evt
        xensnd_event_page
        xensnd_open_req
        xensnd_page_directory
        xensnd_query_hw_param
        xensnd_query_hw_param_buffer
        xensnd_query_hw_param_channels
        xensnd_query_hw_param_period
        xensnd_query_hw_param_rates
        xensnd_rw_req
        xensnd_trigger_req
    }
    xen_public::abi::arm32::io::tpmif {
        tpmif_ring
        tpmif_shared_page
        tpmif_tx_interface
        tpmif_tx_request
    }
    xen_public::abi::arm32::io::usbif {
        usbif_conn_back_ring
        usbif_conn_front_ring
        usbif_conn_request
        usbif_conn_response
        usbif_conn_sring_pvt_netif
        usbif_conn_sring_pvt_tapif_user
        usbif_request_segment
        usbif_urb_back_ring
        usbif_urb_front_ring
        usbif_urb_request_u_intr
        usbif_urb_request_u_isoc
        usbif_urb_request_u_unlink
        usbif_urb_response
        usbif_urb_sring_pvt_netif
        usbif_urb_sring_pvt_tapif_user
    }
    xen_public::abi::arm32::io::vscsiif {
        scsiif_request_segment
        vscsiif_back_ring
        vscsiif_front_ring
        vscsiif_request
        vscsiif_response
        vscsiif_sg_list
        vscsiif_sring_pvt_netif
        vscsiif_sring_pvt_tapif_user
    }
    xen_public::abi::arm32::io::xs_wire {
        xenstore_domain_interface
        xsd_errors
        xsd_sockmsg
    }
    xen_public::abi::arm32::kexec {
        xen_kexec_exec
        xen_kexec_image
        xen_kexec_load_v1
        xen_kexec_range
        xen_kexec_status
        xen_kexec_unload
    }
    xen_public::abi::arm32::memory {
        xen_add_to_physmap
        xen_foreign_memory_map
        xen_machphys_mapping
        xen_machphys_mfn_list
        xen_mem_acquire_resource
        xen_memory_domain
        xen_memory_exchange
        xen_memory_map
        xen_memory_reservation
        xen_pod_target
        xen_remove_from_physmap
        xen_vmemrange
    }
    xen_public::abi::arm32::nmi {
        xennmi_callback
    }
    xen_public::abi::arm32::physdev {
        pci_device_reset
        physdev_apic
        physdev_eoi
        physdev_get_free_pirq
        physdev_irq
        physdev_irq_status_query
        physdev_manage_pci
        physdev_manage_pci_ext
        physdev_manage_pci_ext_physfn
        physdev_map_pirq
        physdev_pci_device
        physdev_pci_device_add
        physdev_pci_device_add_physfn
        physdev_pci_mmcfg_reserved
        physdev_pirq_eoi_gmfn
        physdev_restore_msi
        physdev_set_iobitmap
        physdev_set_iopl
        physdev_setup_gsi
        physdev_unmap_pirq
    }
    xen_public::abi::arm32::platform {
        xen_pct_register
        xen_power_register
        xen_processor_csd
        xen_processor_cx
        xen_processor_flags
        xen_processor_performance
        xen_processor_power
        xen_processor_px
        xen_psd_package
        xenpf_add_memtype
        xenpf_change_freq
        xenpf_core_parking
        xenpf_cpu_hotadd
        xenpf_cpu_ol
        xenpf_del_memtype
        xenpf_efi_guid
        xenpf_efi_info_apple_properties
        xenpf_efi_info_cfg
        xenpf_efi_info_mem
        xenpf_efi_info_pci_rom
        xenpf_efi_info_vendor
        xenpf_efi_runtime_call_u_get_next_variable_name
        xenpf_efi_runtime_call_u_get_time
        xenpf_efi_runtime_call_u_get_variable
        xenpf_efi_runtime_call_u_query_capsule_capabilities
        xenpf_efi_runtime_call_u_query_variable_info
        xenpf_efi_runtime_call_u_update_capsule
        xenpf_efi_time
        xenpf_enter_acpi_sleep
        xenpf_firmware_info_u_disk_info
        xenpf_firmware_info_u_disk_mbr_signature
        xenpf_firmware_info_u_vbeddc_info
        xenpf_getidletime
        xenpf_mem_hotadd
        xenpf_microcode_update
        xenpf_microcode_update2
        xenpf_pcpu_version
        xenpf_pcpuinfo
        xenpf_platform_quirk
        xenpf_read_memtype
        xenpf_resource_op
        xenpf_settime32
        xenpf_settime64
        xenpf_symdata
        xenpf_ucode_revision
    }
    xen_public::abi::arm32::pmu {
        xen_pmu_data
        xen_pmu_params
        xen_pmu_params_version
    }
    xen_public::abi::arm32::sched {
        sched_pin_override
        sched_poll
        sched_remote_shutdown
        sched_shutdown
        sched_watchdog
    }
    xen_public::abi::arm32::trace {
        t_buf
        t_info
        t_rec_u_cycles
        t_rec_u_nocycles
    }
    xen_public::abi::arm32::vcpu {
        vcpu_get_physid
        vcpu_register_vcpu_info
        vcpu_runstate_info
        vcpu_set_periodic_timer
        vcpu_set_singleshot_timer
    }
    xen_public::abi::arm32::version {
        xen_build_id
        xen_compile_info
        xen_feature_info
        xen_platform_parameters
        xen_varbuf
    }
    xen_public::abi::arm32::xen {
        dom0_vga_console_info_u_text_mode_3
        dom0_vga_console_info_u_vesa_lfb
        mmu_update
        multicall_entry
        shared_info
        vcpu_info
        vcpu_time_info
        xen_multiboot_mod_list
        xen_uuid_t
    }
    xen_public::abi::arm32::xencomm {
        xencomm_desc
    }
    xen_public::abi::arm32::xenoprof {
        event_log
        xenoprof_buf
        xenoprof_counter
        xenoprof_get_buffer
        xenoprof_ibs_counter
        xenoprof_init
        xenoprof_passive
    }
    xen_public::abi::arm32::xsm::flask_op {
        xen_flask_access
        xen_flask_boolean
        xen_flask_cache_stats
        xen_flask_devicetree_label
        xen_flask_hash_stats
        xen_flask_load
        xen_flask_ocontext
        xen_flask_peersid
        xen_flask_relabel
        xen_flask_setavc_threshold
        xen_flask_setenforce
        xen_flask_sid_context
        xen_flask_transition
    }
    xen_public::abi::arm64::arch_arm {
        arch_shared_info
        arch_vcpu_info
        xen_pmu_arch
    }
    xen_public::abi::arm64::argo {
        xen_argo_addr
        xen_argo_iov
        xen_argo_register_ring
        xen_argo_ring
        xen_argo_ring_data
        xen_argo_ring_data_ent
        xen_argo_ring_message_header
        xen_argo_send_addr
        xen_argo_unregister_ring
    }
    xen_public::abi::arm64::callback {
        callback_register
        callback_unregister
    }
    xen_public::abi::arm64::compat::before_0x00030204::dom0_ops {
        dom0_memory_map_entry
        dom0_msr
    }
    xen_public::abi::arm64::compat::before_0x00030205::physdev {
        physdev_set_iobitmap
    }
    xen_public::abi::arm64::compat::before_0x00030206::xen {
        dom0_vga_console_info_u_vesa_lfb
    }
    xen_public::abi::arm64::compat::before_0x00030209::memory {
        xen_memory_exchange
        xen_memory_reservation
    }
    xen_public::abi::arm64::compat::before_0x0003020a::grant_table {
        grant_entry
    }
    xen_public::abi::arm64::compat::before_0x00040300::grant_table {
        gnttab_setup_table
    }
    xen_public::abi::arm64::compat::before_0x00040300::platform {
        xenpf_enter_acpi_sleep
    }
    xen_public::abi::arm64::compat::before_0x00040600::tmem {
        tmem_op_u_gen
    }
    xen_public::abi::arm64::compat::before_0x00040601::xen {
        shared_info
        vcpu_info
        vcpu_time_info
    }
    xen_public::abi::arm64::compat::before_0x00040700::memory {
        xen_add_to_physmap_batch
    }
    xen_public::abi::arm64::compat::before_0x00040900::hvm::hvm_op {
        xen_hvm_set_isa_irq_level
        xen_hvm_set_pci_intx_level
        xen_hvm_set_pci_link_route
    }
    xen_public::abi::arm64::compat::before_0x00040a00::hvm::hvm_op {
        xen_hvm_altp2m_set_mem_access
    }
    xen_public::abi::arm64::compat::before_0x00040d00::xen {
        dom0_vga_console_info_u_vesa_lfb
    }
    xen_public::abi::arm64::compat::before_0x00041300::io::cameraif {
        xencamera_page_directory
    }
    xen_public::abi::arm64::compat::before_0x00041300::io::displif {
        xendispl_page_directory
    }
    xen_public::abi::arm64::compat::before_0x00041300::io::fsif {
        fsif_read_request
        fsif_write_request
    }
    xen_public::abi::arm64::compat::before_0x00041300::io::sndif {
        xensnd_page_directory
    }
    xen_public::abi::arm64::compat::before_0x00041300::tmem {
        tmem_op_u_creat
        tmem_op_u_gen
        xen_tmem_oid
    }
    xen_public::abi::arm64::event_channel {
        evtchn_alloc_unbound
        evtchn_bind_interdomain
        evtchn_bind_ipi
        evtchn_bind_pirq
        evtchn_bind_vcpu
        evtchn_bind_virq
        evtchn_close
        evtchn_expand_array
        evtchn_fifo_control_block
        evtchn_init_control
        evtchn_reset
        evtchn_send
        evtchn_set_priority
        evtchn_status_u_interdomain
        evtchn_status_u_unbound
        evtchn_unmask
    }
    xen_public::abi::arm64::grant_table {
        gnttab_dump_table
        gnttab_get_status_frames
        gnttab_get_version
        gnttab_map_grant_ref
        gnttab_query_size
        gnttab_set_version
        gnttab_setup_table
        gnttab_swap_grant_ref
        gnttab_transfer
        gnttab_unmap_and_replace
        gnttab_unmap_grant_ref
        grant_entry_header
        grant_entry_v1
        grant_entry_v2_full_page
        grant_entry_v2_sub_page
        grant_entry_v2_transitive
    }
    xen_public::abi::arm64::hvm::dm_op {
        xen_dm_op_buf
        xen_dm_op_create_ioreq_server
        xen_dm_op_destroy_ioreq_server
        xen_dm_op_get_ioreq_server_info
        xen_dm_op_inject_event
        xen_dm_op_inject_msi
        xen_dm_op_ioreq_server_range
        xen_dm_op_map_mem_type_to_ioreq_server
        xen_dm_op_modified_memory
        xen_dm_op_modified_memory_extent
        xen_dm_op_nr_vcpus
        xen_dm_op_pin_memory_cacheattr
        xen_dm_op_relocate_memory
        xen_dm_op_remote_shutdown
        xen_dm_op_set_ioreq_server_state
        xen_dm_op_set_irq_level
        xen_dm_op_set_isa_irq_level
        xen_dm_op_set_mem_type
        xen_dm_op_set_pci_intx_level
        xen_dm_op_set_pci_link_route
        xen_dm_op_track_dirty_vram
    }
    xen_public::abi::arm64::hvm::hvm_info_table {
        hvm_info_table
    }
    xen_public::abi::arm64::hvm::hvm_op {
        xen_hvm_altp2m_change_gfn
        xen_hvm_altp2m_domain_state
        xen_hvm_altp2m_get_vcpu_p2m_idx
        xen_hvm_altp2m_mem_access
        xen_hvm_altp2m_set_mem_access_multi
        xen_hvm_altp2m_set_visibility
        xen_hvm_altp2m_suppress_ve
        xen_hvm_altp2m_suppress_ve_multi
        xen_hvm_altp2m_vcpu_disable_notify
        xen_hvm_altp2m_vcpu_enable_notify
        xen_hvm_altp2m_view
        xen_hvm_get_mem_type
        xen_hvm_get_time
        xen_hvm_pagetable_dying
        xen_hvm_param
        xen_hvm_xentrace
    }
    xen_public::abi::arm64::hvm::hvm_vcpu {
        vcpu_hvm_x86_32
        vcpu_hvm_x86_64
    }
    xen_public::abi::arm64::hvm::ioreq {
        buf_ioreq
        buffered_iopage
        ioreq
        shared_iopage
    }
    xen_public::abi::arm64::hvm::save {
        hvm_save_descriptor
        hvm_save_end
    }
    xen_public::abi::arm64::hypfs {
        xen_hypfs_direntry
    }
    xen_public::abi::arm64::io::_9pfs {
        xen_9pfs_data
        xen_9pfs_data_intf
    }
    xen_public::abi::arm64::io::blkif {
        blkif_back_ring
        blkif_front_ring
        blkif_request
        blkif_request_discard
        blkif_request_indirect
        blkif_request_segment
        blkif_response
        blkif_sring_pvt_netif
        blkif_sring_pvt_tapif_user
    }
    xen_public::abi::arm64::io::cameraif {
        xen_cameraif_back_ring
        xen_cameraif_front_ring
        xen_cameraif_sring_pvt_netif
        xen_cameraif_sring_pvt_tapif_user
        xencamera_buf_create_req
        xencamera_buf_get_layout_resp
        xencamera_buf_request
        xencamera_config_req
        xencamera_config_resp
        xencamera_ctrl_enum_resp
        xencamera_ctrl_value
        xencamera_event_page
        xencamera_frame_avail_evt
        xencamera_frame_rate_req
        xencamera_get_ctrl_req
        xencamera_index
        xencamera_page_directory
    }
    xen_public::abi::arm64::io::console {
        xencons_interface
    }
    xen_public::abi::arm64::io::displif {
        xen_displif_back_ring
        xen_displif_front_ring
        xen_displif_sring_pvt_netif
        xen_displif_sring_pvt_tapif_user
        xendispl_dbuf_create_req
        xendispl_dbuf_destroy_req
        xendispl_event_page
        xendispl_fb_attach_req
        xendispl_fb_detach_req
        xendispl_get_edid_req
        xendispl_get_edid_resp
        xendispl_page_directory
        xendispl_page_flip_req
        xendispl_pg_flip_evt
        xendispl_set_config_req
    }
    xen_public::abi::arm64::io::fbif {
        xenfb_page
        xenfb_refresh_period
        xenfb_resize
        xenfb_update
    }
    xen_public::abi::arm64::io::fsif {
        fsif_back_ring
        fsif_chmod_request
        fsif_close_request
        fsif_create_request
        fsif_front_ring
        fsif_list_request
        fsif_open_request
        fsif_read_request
        fsif_remove_request
        fsif_rename_request
        fsif_space_request
        fsif_sring_pvt_netif
        fsif_sring_pvt_tapif_user
        fsif_stat_request
        fsif_stat_response
        fsif_sync_request
        fsif_truncate_request
        fsif_write_request
    }
    xen_public::abi::arm64::io::kbdif {
        xenkbd_key
        xenkbd_motion
        xenkbd_mtouch_u_pos
        xenkbd_mtouch_u_shape
        xenkbd_page
        xenkbd_position
    }
    xen_public::abi::arm64::io::libxenvchan {
        ring_shared
        vchan_interface
    }
    xen_public::abi::arm64::io::netif {
        netif_extra_info_u_gso
        netif_extra_info_u_hash
        netif_extra_info_u_mcast
        netif_rx_back_ring
        netif_rx_front_ring
        netif_rx_request
        netif_rx_response
        netif_rx_sring_pvt_netif
        netif_rx_sring_pvt_tapif_user
        netif_tx_back_ring
        netif_tx_front_ring
        netif_tx_request
        netif_tx_response
        netif_tx_sring_pvt_netif
        netif_tx_sring_pvt_tapif_user
        xen_netif_ctrl_back_ring
        xen_netif_ctrl_front_ring
        xen_netif_ctrl_request
        xen_netif_ctrl_response
        xen_netif_ctrl_sring_pvt_netif
        xen_netif_ctrl_sring_pvt_tapif_user
        xen_netif_gref
    }
    xen_public::abi::arm64::io::pciif {
        xen_msix_entry
        xen_pci_op
        xen_pci_sharedinfo
        xen_pcie_aer_op
    }
    xen_public::abi::arm64::io::pvcalls {
        _xen_pvcalls_accept
        _xen_pvcalls_bind
        _xen_pvcalls_connect
        _xen_pvcalls_dummy
        _xen_pvcalls_listen
        _xen_pvcalls_poll
        _xen_pvcalls_release
        _xen_pvcalls_socket
        pvcalls_data
        pvcalls_data_intf
        xen_pvcalls_accept
        xen_pvcalls_back_ring
        xen_pvcalls_bind
        xen_pvcalls_connect
        xen_pvcalls_dummy
        xen_pvcalls_front_ring
        xen_pvcalls_listen
        xen_pvcalls_poll
        xen_pvcalls_release
        xen_pvcalls_socket
        xen_pvcalls_sring_pvt_netif
        xen_pvcalls_sring_pvt_tapif_user
    }
    xen_public::abi::arm64::io::sndif {
        xen_sndif_back_ring
        xen_sndif_front_ring
        xen_sndif_sring_pvt_netif
        xen_sndif_sring_pvt_tapif_user
        xensnd_cur_pos_evt
        xensnd_event_page
        xensnd_open_req
        xensnd_page_directory
        xensnd_query_hw_param
        xensnd_query_hw_param_buffer
        xensnd_query_hw_param_channels
        xensnd_query_hw_param_period
        xensnd_query_hw_param_rates
        xensnd_rw_req
        xensnd_trigger_req
    }
    xen_public::abi::arm64::io::tpmif {
        tpmif_ring
        tpmif_shared_page
        tpmif_tx_interface
        tpmif_tx_request
    }
    xen_public::abi::arm64::io::usbif {
        usbif_conn_back_ring
        usbif_conn_front_ring
        usbif_conn_request
        usbif_conn_response
        usbif_conn_sring_pvt_netif
        usbif_conn_sring_pvt_tapif_user
        usbif_request_segment
        usbif_urb_back_ring
        usbif_urb_front_ring
        usbif_urb_request_u_intr
        usbif_urb_request_u_isoc
        usbif_urb_request_u_unlink
        usbif_urb_response
        usbif_urb_sring_pvt_netif
        usbif_urb_sring_pvt_tapif_user
    }
    xen_public::abi::arm64::io::vscsiif {
        scsiif_request_segment
        vscsiif_back_ring
        vscsiif_front_ring
        vscsiif_request
        vscsiif_response
        vscsiif_sg_list
        vscsiif_sring_pvt_netif
        vscsiif_sring_pvt_tapif_user
    }
    xen_public::abi::arm64::io::xs_wire {
        xenstore_domain_interface
        xsd_errors
        xsd_sockmsg
    }
    xen_public::abi::arm64::kexec {
        xen_kexec_exec
        xen_kexec_image
        xen_kexec_load_v1
        xen_kexec_range
        xen_kexec_status
        xen_kexec_unload
    }
    xen_public::abi::arm64::memory {
        xen_add_to_physmap
        xen_foreign_memory_map
        xen_machphys_mapping
        xen_machphys_mfn_list
        xen_mem_acquire_resource
        xen_memory_domain
        xen_memory_exchange
        xen_memory_map
        xen_memory_reservation
        xen_pod_target
        xen_remove_from_physmap
        xen_vmemrange
    }
    xen_public::abi::arm64::nmi {
        xennmi_callback
    }
    xen_public::abi::arm64::physdev {
        pci_device_reset
        physdev_apic
        physdev_eoi
        physdev_get_free_pirq
        physdev_irq
        physdev_irq_status_query
        physdev_manage_pci
        physdev_manage_pci_ext
        physdev_manage_pci_ext_physfn
        physdev_map_pirq
        physdev_pci_device
        physdev_pci_device_add
        physdev_pci_device_add_physfn
        physdev_pci_mmcfg_reserved
        physdev_pirq_eoi_gmfn
        physdev_restore_msi
        physdev_set_iobitmap
        physdev_set_iopl
        physdev_setup_gsi
        physdev_unmap_pirq
    }
    xen_public::abi::arm64::platform {
        xen_pct_register
        xen_power_register
        xen_processor_csd
        xen_processor_cx
        xen_processor_flags
        xen_processor_performance
        xen_processor_power
        xen_processor_px
        xen_psd_package
        xenpf_add_memtype
        xenpf_change_freq
        xenpf_core_parking
        xenpf_cpu_hotadd
        xenpf_cpu_ol
        xenpf_del_memtype
        xenpf_efi_guid
        xenpf_efi_info_apple_properties
        xenpf_efi_info_cfg
        xenpf_efi_info_mem
        xenpf_efi_info_pci_rom
        xenpf_efi_info_vendor
        xenpf_efi_runtime_call_u_get_next_variable_name
        xenpf_efi_runtime_call_u_get_time
        xenpf_efi_runtime_call_u_get_variable
        xenpf_efi_runtime_call_u_query_capsule_capabilities
        xenpf_efi_runtime_call_u_query_variable_info
        xenpf_efi_runtime_call_u_update_capsule
        xenpf_efi_time
        xenpf_enter_acpi_sleep
        xenpf_firmware_info_u_disk_info
        xenpf_firmware_info_u_disk_mbr_signature
        xenpf_firmware_info_u_vbeddc_info
        xenpf_getidletime
        xenpf_mem_hotadd
        xenpf_microcode_update
        xenpf_microcode_update2
        xenpf_pcpu_version
        xenpf_pcpuinfo
        xenpf_platform_quirk
        xenpf_read_memtype
        xenpf_resource_op
        xenpf_settime32
        xenpf_settime64
        xenpf_symdata
        xenpf_ucode_revision
    }
    xen_public::abi::arm64::pmu {
        xen_pmu_data
        xen_pmu_params
        xen_pmu_params_version
    }
    xen_public::abi::arm64::sched {
        sched_pin_override
        sched_poll
        sched_remote_shutdown
        sched_shutdown
        sched_watchdog
    }
    xen_public::abi::arm64::trace {
        t_buf
        t_info
        t_rec_u_cycles
        t_rec_u_nocycles
    }
    xen_public::abi::arm64::vcpu {
        vcpu_get_physid
        vcpu_register_vcpu_info
        vcpu_runstate_info
        vcpu_set_periodic_timer
        vcpu_set_singleshot_timer
    }
    xen_public::abi::arm64::version {
        xen_build_id
        xen_compile_info
        xen_feature_info
        xen_platform_parameters
        xen_varbuf
    }
    xen_public::abi::arm64::xen {
        dom0_vga_console_info_u_text_mode_3
        dom0_vga_console_info_u_vesa_lfb
        mmu_update
        multicall_entry
        shared_info
        vcpu_info
        vcpu_time_info
        xen_multiboot_mod_list
        xen_uuid_t
    }
    xen_public::abi::arm64::xencomm {
        xencomm_desc
    }
    xen_public::abi::arm64::xenoprof {
        event_log
        xenoprof_buf
        xenoprof_counter
        xenoprof_get_buffer
        xenoprof_ibs_counter
        xenoprof_init
        xenoprof_passive
    }
    xen_public::abi::arm64::xsm::flask_op {
        xen_flask_access
        xen_flask_boolean
        xen_flask_cache_stats
        xen_flask_devicetree_label
        xen_flask_hash_stats
        xen_flask_load
        xen_flask_ocontext
        xen_flask_peersid
        xen_flask_relabel
        xen_flask_setavc_threshold
        xen_flask_setenforce
        xen_flask_sid_context
        xen_flask_transition
    }
    xen_public::abi::x86_32::arch_x86::hvm::save {
        __HVM_SAVE_TYPE_HEADER
        __HVM_SAVE_TYPE_HPET
        __HVM_SAVE_TYPE_LAPIC
        __HVM_SAVE_TYPE_LAPIC_REGS
        __HVM_SAVE_TYPE_MTRR
        __HVM_SAVE_TYPE_PCI_LINK
        __HVM_SAVE_TYPE_PIC
        __HVM_SAVE_TYPE_PIT
        __HVM_SAVE_TYPE_PMTIMER
        __HVM_SAVE_TYPE_RTC
        __HVM_SAVE_TYPE_TSC_ADJUST
        __HVM_SAVE_TYPE_VIRIDIAN_DOMAIN
        __HVM_SAVE_TYPE_VIRIDIAN_VCPU
        __HVM_SAVE_TYPE_VMCE_VCPU
        hvm_hw_cpu_compat_pending_event_pending_vector
        hvm_hw_cpu_pending_event_pending_vector
        hvm_hw_cpu_xsave
        hvm_hw_cpu_xsave_hdr
        hvm_hw_cpu_xsave_save_area
        hvm_hw_cpu_xsave_save_area_fpu_sse
        hvm_hw_hpet
        hvm_hw_hpet_timers
        hvm_hw_lapic
        hvm_hw_lapic_regs
        hvm_hw_mtrr
        hvm_hw_pci_link
        hvm_hw_pit
        hvm_hw_pit_channel
        hvm_hw_pmtimer
        hvm_hw_rtc
        hvm_hw_vpic
        hvm_msr
        hvm_one_msr
        hvm_save_header
        hvm_tsc_adjust
        hvm_viridian_domain_context
        hvm_viridian_vcpu_context
        hvm_vmce_vcpu
        vioapic_redir_entry_fields
    }
    xen_public::abi::x86_32::arch_x86::hvm::start_info {
        hvm_memmap_table_entry
        hvm_modlist_entry
        hvm_start_info
    }
    xen_public::abi::x86_32::arch_x86::pmu {
        xen_pmu_amd_ctxt
        xen_pmu_cntr_pair
        xen_pmu_intel_ctxt
        xen_pmu_regs
    }
    xen_public::abi::x86_32::arch_x86::xen {
        arch_shared_info
        trap_info
        vcpu_guest_context
        vcpu_guest_context_fpu_ctxt
        xen_cpuid_leaf
        xen_msr_entry
    }
    xen_public::abi::x86_32::arch_x86::xen_mca {
        cpu_offline_action
        mc_info
        mcinfo_bank
        mcinfo_common
        mcinfo_extended
        mcinfo_global
        mcinfo_logical_cpu
        mcinfo_msr
        page_offline_action
        xen_mc_fetch
        xen_mc_mceinject
        xen_mc_msrinject
        xen_mc_notifydomain
        xen_mc_physcpuinfo
    }
    xen_public::abi::x86_32::arch_x86::xen_x86_32 {
        arch_vcpu_info
        cpu_user_regs
        xen_callback
    }
    xen_public::abi::x86_32::argo {
        xen_argo_addr
        xen_argo_iov
        xen_argo_register_ring
        xen_argo_ring
        xen_argo_ring_data
        xen_argo_ring_data_ent
        xen_argo_ring_message_header
        xen_argo_send_addr
        xen_argo_unregister_ring
    }
    xen_public::abi::x86_32::callback {
        callback_register
        callback_unregister
    }
    xen_public::abi::x86_32::compat::before_0x00030204::dom0_ops {
        dom0_memory_map_entry
        dom0_msr
    }
    xen_public::abi::x86_32::compat::before_0x00030205::physdev {
        physdev_set_iobitmap
    }
    xen_public::abi::x86_32::compat::before_0x00030206::xen {
        dom0_vga_console_info_u_vesa_lfb
    }
    xen_public::abi::x86_32::compat::before_0x00030209::memory {
        xen_memory_exchange
        xen_memory_reservation
    }
    xen_public::abi::x86_32::compat::before_0x0003020a::grant_table {
        grant_entry
    }
    xen_public::abi::x86_32::compat::before_0x00040300::grant_table {
        gnttab_setup_table
    }
    xen_public::abi::x86_32::compat::before_0x00040300::platform {
        xenpf_enter_acpi_sleep
    }
    xen_public::abi::x86_32::compat::before_0x00040600::tmem {
        tmem_op_u_gen
    }
    xen_public::abi::x86_32::compat::before_0x00040601::xen {
        shared_info
        vcpu_info
        vcpu_time_info
    }
    xen_public::abi::x86_32::compat::before_0x00040700::memory {
        xen_add_to_physmap_batch
    }
    xen_public::abi::x86_32::compat::before_0x00040900::hvm::hvm_op {
        xen_hvm_set_isa_irq_level
        xen_hvm_set_pci_intx_level
        xen_hvm_set_pci_link_route
    }
    xen_public::abi::x86_32::compat::before_0x00040a00::hvm::hvm_op {
        xen_hvm_altp2m_set_mem_access
    }
    xen_public::abi::x86_32::compat::before_0x00040d00::xen {
        dom0_vga_console_info_u_vesa_lfb
    }
    xen_public::abi::x86_32::compat::before_0x00041300::io::cameraif {
        xencamera_page_directory
    }
    xen_public::abi::x86_32::compat::before_0x00041300::io::displif {
        xendispl_page_directory
    }
    xen_public::abi::x86_32::compat::before_0x00041300::io::fsif {
        fsif_read_request
        fsif_write_request
    }
    xen_public::abi::x86_32::compat::before_0x00041300::io::sndif {
        xensnd_page_directory
    }
    xen_public::abi::x86_32::compat::before_0x00041300::tmem {
        tmem_op_u_creat
        tmem_op_u_gen
        xen_tmem_oid
    }
    xen_public::abi::x86_32::event_channel {
        evtchn_alloc_unbound
        evtchn_bind_interdomain
        evtchn_bind_ipi
        evtchn_bind_pirq
        evtchn_bind_vcpu
        evtchn_bind_virq
        evtchn_close
        evtchn_expand_array
        evtchn_fifo_control_block
        evtchn_init_control
        evtchn_reset
        evtchn_send
        evtchn_set_priority
        evtchn_status_u_interdomain
        evtchn_status_u_unbound
        evtchn_unmask
    }
    xen_public::abi::x86_32::grant_table {
        gnttab_dump_table
        gnttab_get_status_frames
        gnttab_get_version
        gnttab_map_grant_ref
        gnttab_query_size
        gnttab_set_version
        gnttab_setup_table
        gnttab_swap_grant_ref
        gnttab_transfer
        gnttab_unmap_and_replace
        gnttab_unmap_grant_ref
        grant_entry_header
        grant_entry_v1
        grant_entry_v2_full_page
        grant_entry_v2_sub_page
        grant_entry_v2_transitive
    }
    xen_public::abi::x86_32::hvm::dm_op {
        xen_dm_op_buf
        xen_dm_op_create_ioreq_server
        xen_dm_op_destroy_ioreq_server
        xen_dm_op_get_ioreq_server_info
        xen_dm_op_inject_event
        xen_dm_op_inject_msi
        xen_dm_op_ioreq_server_range
        xen_dm_op_map_mem_type_to_ioreq_server
        xen_dm_op_modified_memory
        xen_dm_op_modified_memory_extent
        xen_dm_op_nr_vcpus
        xen_dm_op_pin_memory_cacheattr
        xen_dm_op_relocate_memory
        xen_dm_op_remote_shutdown
        xen_dm_op_set_ioreq_server_state
        xen_dm_op_set_irq_level
        xen_dm_op_set_isa_irq_level
        xen_dm_op_set_mem_type
        xen_dm_op_set_pci_intx_level
        xen_dm_op_set_pci_link_route
        xen_dm_op_track_dirty_vram
    }
    xen_public::abi::x86_32::hvm::hvm_info_table {
        hvm_info_table
    }
    xen_public::abi::x86_32::hvm::hvm_op {
        xen_hvm_altp2m_change_gfn
        xen_hvm_altp2m_domain_state
        xen_hvm_altp2m_get_vcpu_p2m_idx
        xen_hvm_altp2m_mem_access
        xen_hvm_altp2m_set_mem_access_multi
        xen_hvm_altp2m_set_visibility
        xen_hvm_altp2m_suppress_ve
        xen_hvm_altp2m_suppress_ve_multi
        xen_hvm_altp2m_vcpu_disable_notify
        xen_hvm_altp2m_vcpu_enable_notify
        xen_hvm_altp2m_view
        xen_hvm_evtchn_upcall_vector
        xen_hvm_get_mem_type
        xen_hvm_get_time
        xen_hvm_pagetable_dying
        xen_hvm_param
        xen_hvm_xentrace
    }
    xen_public::abi::x86_32::hvm::hvm_vcpu {
        vcpu_hvm_x86_32
        vcpu_hvm_x86_64
    }
    xen_public::abi::x86_32::hvm::ioreq {
        buf_ioreq
        buffered_iopage
        ioreq
        shared_iopage
    }
    xen_public::abi::x86_32::hvm::save {
        hvm_save_descriptor
        hvm_save_end
    }
    xen_public::abi::x86_32::hypfs {
        xen_hypfs_direntry
    }
    xen_public::abi::x86_32::io::_9pfs {
        xen_9pfs_data
        xen_9pfs_data_intf
    }
    xen_public::abi::x86_32::io::blkif {
        blkif_back_ring
        blkif_front_ring
        blkif_request
        blkif_request_discard
        blkif_request_indirect
        blkif_request_segment
        blkif_response
        blkif_sring_pvt_netif
        blkif_sring_pvt_tapif_user
    }
    xen_public::abi::x86_32::io::cameraif {
        xen_cameraif_back_ring
        xen_cameraif_front_ring
        xen_cameraif_sring_pvt_netif
        xen_cameraif_sring_pvt_tapif_user
        xencamera_buf_create_req
        xencamera_buf_get_layout_resp
        xencamera_buf_request
        xencamera_config_req
        xencamera_config_resp
        xencamera_ctrl_enum_resp
        xencamera_ctrl_value
        xencamera_event_page
        xencamera_frame_avail_evt
        xencamera_frame_rate_req
        xencamera_get_ctrl_req
        xencamera_index
        xencamera_page_directory
    }
    xen_public::abi::x86_32::io::console {
        xencons_interface
    }
    xen_public::abi::x86_32::io::displif {
        xen_displif_back_ring
        xen_displif_front_ring
        xen_displif_sring_pvt_netif
        xen_displif_sring_pvt_tapif_user
        xendispl_dbuf_create_req
        xendispl_dbuf_destroy_req
        xendispl_event_page
        xendispl_fb_attach_req
        xendispl_fb_detach_req
        xendispl_get_edid_req
        xendispl_get_edid_resp
        xendispl_page_directory
        xendispl_page_flip_req
        xendispl_pg_flip_evt
        xendispl_set_config_req
    }
    xen_public::abi::x86_32::io::fbif {
        xenfb_page
        xenfb_refresh_period
        xenfb_resize
        xenfb_update
    }
    xen_public::abi::x86_32::io::fsif {
        fsif_back_ring
        fsif_chmod_request
        fsif_close_request
        fsif_create_request
        fsif_front_ring
        fsif_list_request
        fsif_open_request
        fsif_read_request
        fsif_remove_request
        fsif_rename_request
        fsif_space_request
        fsif_sring_pvt_netif
        fsif_sring_pvt_tapif_user
        fsif_stat_request
        fsif_stat_response
        fsif_sync_request
        fsif_truncate_request
        fsif_write_request
    }
    xen_public::abi::x86_32::io::kbdif {
        xenkbd_key
        xenkbd_motion
        xenkbd_mtouch_u_pos
        xenkbd_mtouch_u_shape
        xenkbd_page
        xenkbd_position
    }
    xen_public::abi::x86_32::io::libxenvchan {
        ring_shared
        vchan_interface
    }
    xen_public::abi::x86_32::io::netif {
        netif_extra_info_u_gso
        netif_extra_info_u_hash
        netif_extra_info_u_mcast
        netif_rx_back_ring
        netif_rx_front_ring
        netif_rx_request
        netif_rx_response
        netif_rx_sring_pvt_netif
        netif_rx_sring_pvt_tapif_user
        netif_tx_back_ring
        netif_tx_front_ring
        netif_tx_request
        netif_tx_response
        netif_tx_sring_pvt_netif
        netif_tx_sring_pvt_tapif_user
        xen_netif_ctrl_back_ring
        xen_netif_ctrl_front_ring
        xen_netif_ctrl_request
        xen_netif_ctrl_response
        xen_netif_ctrl_sring_pvt_netif
        xen_netif_ctrl_sring_pvt_tapif_user
        xen_netif_gref
    }
    xen_public::abi::x86_32::io::pciif {
        xen_msix_entry
        xen_pci_op
        xen_pci_sharedinfo
        xen_pcie_aer_op
    }
    xen_public::abi::x86_32::io::pvcalls {
        _xen_pvcalls_accept
        _xen_pvcalls_bind
        _xen_pvcalls_connect
        _xen_pvcalls_dummy
        _xen_pvcalls_listen
        _xen_pvcalls_poll
        _xen_pvcalls_release
        _xen_pvcalls_socket
        pvcalls_data
        pvcalls_data_intf
        xen_pvcalls_accept
        xen_pvcalls_back_ring
        xen_pvcalls_bind
        xen_pvcalls_connect
        xen_pvcalls_dummy
        xen_pvcalls_front_ring
        xen_pvcalls_listen
        xen_pvcalls_poll
        xen_pvcalls_release
        xen_pvcalls_socket
        xen_pvcalls_sring_pvt_netif
        xen_pvcalls_sring_pvt_tapif_user
    }
    xen_public::abi::x86_32::io::sndif {
        xen_sndif_back_ring
        xen_sndif_front_ring
        xen_sndif_sring_pvt_netif
        xen_sndif_sring_pvt_tapif_user
        xensnd_cur_pos_evt
        xensnd_event_page
        xensnd_open_req
        xensnd_page_directory
        xensnd_query_hw_param
        xensnd_query_hw_param_buffer
        xensnd_query_hw_param_channels
        xensnd_query_hw_param_period
        xensnd_query_hw_param_rates
        xensnd_rw_req
        xensnd_trigger_req
    }
    xen_public::abi::x86_32::io::tpmif {
        tpmif_ring
        tpmif_shared_page
        tpmif_tx_interface
        tpmif_tx_request
    }
    xen_public::abi::x86_32::io::usbif {
        usbif_conn_back_ring
        usbif_conn_front_ring
        usbif_conn_request
        usbif_conn_response
        usbif_conn_sring_pvt_netif
        usbif_conn_sring_pvt_tapif_user
        usbif_request_segment
        usbif_urb_back_ring
        usbif_urb_front_ring
        usbif_urb_request_u_intr
        usbif_urb_request_u_isoc
        usbif_urb_request_u_unlink
        usbif_urb_response
        usbif_urb_sring_pvt_netif
        usbif_urb_sring_pvt_tapif_user
    }
    xen_public::abi::x86_32::io::vscsiif {
        scsiif_request_segment
        vscsiif_back_ring
        vscsiif_front_ring
        vscsiif_request
        vscsiif_response
        vscsiif_sg_list
        vscsiif_sring_pvt_netif
        vscsiif_sring_pvt_tapif_user
    }
    xen_public::abi::x86_32::io::xs_wire {
        xenstore_domain_interface
        xsd_errors
        xsd_sockmsg
    }
    xen_public::abi::x86_32::kexec {
        xen_kexec_exec
        xen_kexec_image
        xen_kexec_load_v1
        xen_kexec_range
        xen_kexec_status
        xen_kexec_unload
    }
    xen_public::abi::x86_32::memory {
        xen_add_to_physmap
        xen_foreign_memory_map
        xen_machphys_mapping
        xen_machphys_mfn_list
        xen_mem_acquire_resource
        xen_memory_domain
        xen_memory_exchange
        xen_memory_map
        xen_memory_reservation
        xen_pod_target
        xen_remove_from_physmap
        xen_vmemrange
    }
    xen_public::abi::x86_32::nmi {
        xennmi_callback
    }
    xen_public::abi::x86_32::physdev {
        pci_device_reset
        physdev_apic
        physdev_eoi
        physdev_get_free_pirq
        physdev_irq
        physdev_irq_status_query
        physdev_manage_pci
        physdev_manage_pci_ext
        physdev_manage_pci_ext_physfn
        physdev_map_pirq
        physdev_pci_device
        physdev_pci_device_add
        physdev_pci_device_add_physfn
        physdev_pci_mmcfg_reserved
        physdev_pirq_eoi_gmfn
        physdev_restore_msi
        physdev_set_iobitmap
        physdev_set_iopl
        physdev_setup_gsi
        physdev_unmap_pirq
    }
    xen_public::abi::x86_32::platform {
        xen_pct_register
        xen_power_register
        xen_processor_csd
        xen_processor_cx
        xen_processor_flags
        xen_processor_performance
        xen_processor_power
        xen_processor_px
        xen_psd_package
        xenpf_add_memtype
        xenpf_change_freq
        xenpf_core_parking
        xenpf_cpu_hotadd
        xenpf_cpu_ol
        xenpf_del_memtype
        xenpf_efi_guid
        xenpf_efi_info_apple_properties
        xenpf_efi_info_cfg
        xenpf_efi_info_mem
        xenpf_efi_info_pci_rom
        xenpf_efi_info_vendor
        xenpf_efi_runtime_call_u_get_next_variable_name
        xenpf_efi_runtime_call_u_get_time
        xenpf_efi_runtime_call_u_get_variable
        xenpf_efi_runtime_call_u_query_capsule_capabilities
        xenpf_efi_runtime_call_u_query_variable_info
        xenpf_efi_runtime_call_u_update_capsule
        xenpf_efi_time
        xenpf_enter_acpi_sleep
        xenpf_firmware_info_u_disk_info
        xenpf_firmware_info_u_disk_mbr_signature
        xenpf_firmware_info_u_vbeddc_info
        xenpf_getidletime
        xenpf_mem_hotadd
        xenpf_microcode_update
        xenpf_microcode_update2
        xenpf_pcpu_version
        xenpf_pcpuinfo
        xenpf_platform_quirk
        xenpf_read_memtype
        xenpf_resource_op
        xenpf_settime32
        xenpf_settime64
        xenpf_symdata
        xenpf_ucode_revision
    }
    xen_public::abi::x86_32::pmu {
        xen_pmu_params
        xen_pmu_params_version
    }
    xen_public::abi::x86_32::sched {
        sched_pin_override
        sched_poll
        sched_remote_shutdown
        sched_shutdown
        sched_watchdog
    }
    xen_public::abi::x86_32::trace {
        t_buf
        t_info
        t_rec_u_cycles
        t_rec_u_nocycles
    }
    xen_public::abi::x86_32::vcpu {
        vcpu_get_physid
        vcpu_register_vcpu_info
        vcpu_runstate_info
        vcpu_set_periodic_timer
        vcpu_set_singleshot_timer
    }
    xen_public::abi::x86_32::version {
        xen_build_id
        xen_compile_info
        xen_feature_info
        xen_platform_parameters
        xen_varbuf
    }
    xen_public::abi::x86_32::xen {
        dom0_vga_console_info_u_text_mode_3
        dom0_vga_console_info_u_vesa_lfb
        mmu_update
        multicall_entry
        shared_info
        start_info_console_dom0
        start_info_console_domU
        vcpu_info
        vcpu_time_info
        xen_multiboot_mod_list
        xen_uuid_t
    }
    xen_public::abi::x86_32::xencomm {
        xencomm_desc
    }
    xen_public::abi::x86_32::xenoprof {
        event_log
        xenoprof_buf
        xenoprof_counter
        xenoprof_get_buffer
        xenoprof_ibs_counter
        xenoprof_init
        xenoprof_passive
    }
    xen_public::abi::x86_32::xsm::flask_op {
        xen_flask_access
        xen_flask_boolean
        xen_flask_cache_stats
        xen_flask_devicetree_label
        xen_flask_hash_stats
        xen_flask_load
        xen_flask_ocontext
        xen_flask_peersid
        xen_flask_relabel
        xen_flask_setavc_threshold
        xen_flask_setenforce
        xen_flask_sid_context
        xen_flask_transition
    }
    xen_public::abi::x86_64::arch_x86::hvm::save {
        __HVM_SAVE_TYPE_HEADER
        __HVM_SAVE_TYPE_HPET
        __HVM_SAVE_TYPE_LAPIC
        __HVM_SAVE_TYPE_LAPIC_REGS
        __HVM_SAVE_TYPE_MTRR
        __HVM_SAVE_TYPE_PCI_LINK
        __HVM_SAVE_TYPE_PIC
        __HVM_SAVE_TYPE_PIT
        __HVM_SAVE_TYPE_PMTIMER
        __HVM_SAVE_TYPE_RTC
        __HVM_SAVE_TYPE_TSC_ADJUST
        __HVM_SAVE_TYPE_VIRIDIAN_DOMAIN
        __HVM_SAVE_TYPE_VIRIDIAN_VCPU
        __HVM_SAVE_TYPE_VMCE_VCPU
        hvm_hw_cpu_compat_pending_event_pending_vector
        hvm_hw_cpu_pending_event_pending_vector
        hvm_hw_cpu_xsave
        hvm_hw_cpu_xsave_hdr
        hvm_hw_cpu_xsave_save_area
        hvm_hw_cpu_xsave_save_area_fpu_sse
        hvm_hw_hpet
        hvm_hw_hpet_timers
        hvm_hw_lapic
        hvm_hw_lapic_regs
        hvm_hw_mtrr
        hvm_hw_pci_link
        hvm_hw_pit
        hvm_hw_pit_channel
        hvm_hw_pmtimer
        hvm_hw_rtc
        hvm_hw_vpic
        hvm_msr
        hvm_one_msr
        hvm_save_header
        hvm_tsc_adjust
        hvm_viridian_domain_context
        hvm_viridian_vcpu_context
        hvm_vmce_vcpu
        vioapic_redir_entry_fields
    }
    xen_public::abi::x86_64::arch_x86::hvm::start_info {
        hvm_memmap_table_entry
        hvm_modlist_entry
        hvm_start_info
    }
    xen_public::abi::x86_64::arch_x86::pmu {
        xen_pmu_amd_ctxt
        xen_pmu_cntr_pair
        xen_pmu_intel_ctxt
        xen_pmu_regs
    }
    xen_public::abi::x86_64::arch_x86::xen {
        arch_shared_info
        trap_info
        vcpu_guest_context_fpu_ctxt
        xen_cpuid_leaf
        xen_msr_entry
    }
    xen_public::abi::x86_64::arch_x86::xen_mca {
        cpu_offline_action
        mc_info
        mcinfo_bank
        mcinfo_common
        mcinfo_extended
        mcinfo_global
        mcinfo_logical_cpu
        mcinfo_msr
        page_offline_action
        xen_mc_fetch
        xen_mc_mceinject
        xen_mc_msrinject
        xen_mc_notifydomain
        xen_mc_physcpuinfo
    }
    xen_public::abi::x86_64::arch_x86::xen_x86_64 {
        arch_vcpu_info
        iret_context
    }
    xen_public::abi::x86_64::argo {
        xen_argo_addr
        xen_argo_iov
        xen_argo_register_ring
        xen_argo_ring
        xen_argo_ring_data
        xen_argo_ring_data_ent
        xen_argo_ring_message_header
        xen_argo_send_addr
        xen_argo_unregister_ring
    }
    xen_public::abi::x86_64::callback {
        callback_register
        callback_unregister
    }
    xen_public::abi::x86_64::compat::before_0x00030204::dom0_ops {
        dom0_memory_map_entry
        dom0_msr
    }
    xen_public::abi::x86_64::compat::before_0x00030205::physdev {
        physdev_set_iobitmap
    }
    xen_public::abi::x86_64::compat::before_0x00030206::xen {
        dom0_vga_console_info_u_vesa_lfb
    }
    xen_public::abi::x86_64::compat::before_0x00030209::memory {
        xen_memory_exchange
        xen_memory_reservation
    }
    xen_public::abi::x86_64::compat::before_0x0003020a::grant_table {
        grant_entry
    }
    xen_public::abi::x86_64::compat::before_0x00040300::grant_table {
        gnttab_setup_table
    }
    xen_public::abi::x86_64::compat::before_0x00040300::platform {
        xenpf_enter_acpi_sleep
    }
    xen_public::abi::x86_64::compat::before_0x00040600::tmem {
        tmem_op_u_gen
    }
    xen_public::abi::x86_64::compat::before_0x00040601::xen {
        shared_info
        vcpu_info
        vcpu_time_info
    }
    xen_public::abi::x86_64::compat::before_0x00040700::memory {
        xen_add_to_physmap_batch
    }
    xen_public::abi::x86_64::compat::before_0x00040900::hvm::hvm_op {
        xen_hvm_set_isa_irq_level
        xen_hvm_set_pci_intx_level
        xen_hvm_set_pci_link_route
    }
    xen_public::abi::x86_64::compat::before_0x00040a00::hvm::hvm_op {
        xen_hvm_altp2m_set_mem_access
    }
    xen_public::abi::x86_64::compat::before_0x00040d00::xen {
        dom0_vga_console_info_u_vesa_lfb
    }
    xen_public::abi::x86_64::compat::before_0x00041300::io::cameraif {
        xencamera_page_directory
    }
    xen_public::abi::x86_64::compat::before_0x00041300::io::displif {
        xendispl_page_directory
    }
    xen_public::abi::x86_64::compat::before_0x00041300::io::fsif {
        fsif_read_request
        fsif_write_request
    }
    xen_public::abi::x86_64::compat::before_0x00041300::io::sndif {
        xensnd_page_directory
    }
    xen_public::abi::x86_64::compat::before_0x00041300::tmem {
        tmem_op_u_creat
        tmem_op_u_gen
        xen_tmem_oid
    }
    xen_public::abi::x86_64::event_channel {
        evtchn_alloc_unbound
        evtchn_bind_interdomain
        evtchn_bind_ipi
        evtchn_bind_pirq
        evtchn_bind_vcpu
        evtchn_bind_virq
        evtchn_close
        evtchn_expand_array
        evtchn_fifo_control_block
        evtchn_init_control
        evtchn_reset
        evtchn_send
        evtchn_set_priority
        evtchn_status_u_interdomain
        evtchn_status_u_unbound
        evtchn_unmask
    }
    xen_public::abi::x86_64::grant_table {
        gnttab_dump_table
        gnttab_get_status_frames
        gnttab_get_version
        gnttab_map_grant_ref
        gnttab_query_size
        gnttab_set_version
        gnttab_setup_table
        gnttab_swap_grant_ref
        gnttab_transfer
        gnttab_unmap_and_replace
        gnttab_unmap_grant_ref
        grant_entry_header
        grant_entry_v1
        grant_entry_v2_full_page
        grant_entry_v2_sub_page
        grant_entry_v2_transitive
    }
    xen_public::abi::x86_64::hvm::dm_op {
        xen_dm_op_buf
        xen_dm_op_create_ioreq_server
        xen_dm_op_destroy_ioreq_server
        xen_dm_op_get_ioreq_server_info
        xen_dm_op_inject_event
        xen_dm_op_inject_msi
        xen_dm_op_ioreq_server_range
        xen_dm_op_map_mem_type_to_ioreq_server
        xen_dm_op_modified_memory
        xen_dm_op_modified_memory_extent
        xen_dm_op_nr_vcpus
        xen_dm_op_pin_memory_cacheattr
        xen_dm_op_relocate_memory
        xen_dm_op_remote_shutdown
        xen_dm_op_set_ioreq_server_state
        xen_dm_op_set_irq_level
        xen_dm_op_set_isa_irq_level
        xen_dm_op_set_mem_type
        xen_dm_op_set_pci_intx_level
        xen_dm_op_set_pci_link_route
        xen_dm_op_track_dirty_vram
    }
    xen_public::abi::x86_64::hvm::hvm_info_table {
        hvm_info_table
    }
    xen_public::abi::x86_64::hvm::hvm_op {
        xen_hvm_altp2m_change_gfn
        xen_hvm_altp2m_domain_state
        xen_hvm_altp2m_get_vcpu_p2m_idx
        xen_hvm_altp2m_mem_access
        xen_hvm_altp2m_set_mem_access_multi
        xen_hvm_altp2m_set_visibility
        xen_hvm_altp2m_suppress_ve
        xen_hvm_altp2m_suppress_ve_multi
        xen_hvm_altp2m_vcpu_disable_notify
        xen_hvm_altp2m_vcpu_enable_notify
        xen_hvm_altp2m_view
        xen_hvm_evtchn_upcall_vector
        xen_hvm_get_mem_type
        xen_hvm_get_time
        xen_hvm_pagetable_dying
        xen_hvm_param
        xen_hvm_xentrace
    }
    xen_public::abi::x86_64::hvm::hvm_vcpu {
        vcpu_hvm_x86_32
        vcpu_hvm_x86_64
    }
    xen_public::abi::x86_64::hvm::ioreq {
        buf_ioreq
        buffered_iopage
        ioreq
        shared_iopage
    }
    xen_public::abi::x86_64::hvm::save {
        hvm_save_descriptor
        hvm_save_end
    }
    xen_public::abi::x86_64::hypfs {
        xen_hypfs_direntry
    }
    xen_public::abi::x86_64::io::_9pfs {
        xen_9pfs_data
        xen_9pfs_data_intf
    }
    xen_public::abi::x86_64::io::blkif {
        blkif_back_ring
        blkif_front_ring
        blkif_request
        blkif_request_discard
        blkif_request_indirect
        blkif_request_segment
        blkif_response
        blkif_sring_pvt_netif
        blkif_sring_pvt_tapif_user
    }
    xen_public::abi::x86_64::io::cameraif {
        xen_cameraif_back_ring
        xen_cameraif_front_ring
        xen_cameraif_sring_pvt_netif
        xen_cameraif_sring_pvt_tapif_user
        xencamera_buf_create_req
        xencamera_buf_get_layout_resp
        xencamera_buf_request
        xencamera_config_req
        xencamera_config_resp
        xencamera_ctrl_enum_resp
        xencamera_ctrl_value
        xencamera_event_page
        xencamera_frame_avail_evt
        xencamera_frame_rate_req
        xencamera_get_ctrl_req
        xencamera_index
        xencamera_page_directory
    }
    xen_public::abi::x86_64::io::console {
        xencons_interface
    }
    xen_public::abi::x86_64::io::displif {
        xen_displif_back_ring
        xen_displif_front_ring
        xen_displif_sring_pvt_netif
        xen_displif_sring_pvt_tapif_user
        xendispl_dbuf_create_req
        xendispl_dbuf_destroy_req
        xendispl_event_page
        xendispl_fb_attach_req
        xendispl_fb_detach_req
        xendispl_get_edid_req
        xendispl_get_edid_resp
        xendispl_page_directory
        xendispl_page_flip_req
        xendispl_pg_flip_evt
        xendispl_set_config_req
    }
    xen_public::abi::x86_64::io::fbif {
        xenfb_page
        xenfb_refresh_period
        xenfb_resize
        xenfb_update
    }
    xen_public::abi::x86_64::io::fsif {
        fsif_back_ring
        fsif_chmod_request
        fsif_close_request
        fsif_create_request
        fsif_front_ring
        fsif_list_request
        fsif_open_request
        fsif_read_request
        fsif_remove_request
        fsif_rename_request
        fsif_space_request
        fsif_sring_pvt_netif
        fsif_sring_pvt_tapif_user
        fsif_stat_request
        fsif_stat_response
        fsif_sync_request
        fsif_truncate_request
        fsif_write_request
    }
    xen_public::abi::x86_64::io::kbdif {
        xenkbd_key
        xenkbd_motion
        xenkbd_mtouch_u_pos
        xenkbd_mtouch_u_shape
        xenkbd_page
        xenkbd_position
    }
    xen_public::abi::x86_64::io::libxenvchan {
        ring_shared
        vchan_interface
    }
    xen_public::abi::x86_64::io::netif {
        netif_extra_info_u_gso
        netif_extra_info_u_hash
        netif_extra_info_u_mcast
        netif_rx_back_ring
        netif_rx_front_ring
        netif_rx_request
        netif_rx_response
        netif_rx_sring_pvt_netif
        netif_rx_sring_pvt_tapif_user
        netif_tx_back_ring
        netif_tx_front_ring
        netif_tx_request
        netif_tx_response
        netif_tx_sring_pvt_netif
        netif_tx_sring_pvt_tapif_user
        xen_netif_ctrl_back_ring
        xen_netif_ctrl_front_ring
        xen_netif_ctrl_request
        xen_netif_ctrl_response
        xen_netif_ctrl_sring_pvt_netif
        xen_netif_ctrl_sring_pvt_tapif_user
        xen_netif_gref
    }
    xen_public::abi::x86_64::io::pciif {
        xen_msix_entry
        xen_pci_op
        xen_pci_sharedinfo
        xen_pcie_aer_op
    }
    xen_public::abi::x86_64::io::pvcalls {
        _xen_pvcalls_accept
        _xen_pvcalls_bind
        _xen_pvcalls_connect
        _xen_pvcalls_dummy
        _xen_pvcalls_listen
        _xen_pvcalls_poll
        _xen_pvcalls_release
        _xen_pvcalls_socket
        pvcalls_data
        pvcalls_data_intf
        xen_pvcalls_accept
        xen_pvcalls_back_ring
        xen_pvcalls_bind
        xen_pvcalls_connect
        xen_pvcalls_dummy
        xen_pvcalls_front_ring
        xen_pvcalls_listen
        xen_pvcalls_poll
        xen_pvcalls_release
        xen_pvcalls_socket
        xen_pvcalls_sring_pvt_netif
        xen_pvcalls_sring_pvt_tapif_user
    }
    xen_public::abi::x86_64::io::sndif {
        xen_sndif_back_ring
        xen_sndif_front_ring
        xen_sndif_sring_pvt_netif
        xen_sndif_sring_pvt_tapif_user
        xensnd_cur_pos_evt
        xensnd_event_page
        xensnd_open_req
        xensnd_page_directory
        xensnd_query_hw_param
        xensnd_query_hw_param_buffer
        xensnd_query_hw_param_channels
        xensnd_query_hw_param_period
        xensnd_query_hw_param_rates
        xensnd_rw_req
        xensnd_trigger_req
    }
    xen_public::abi::x86_64::io::tpmif {
        tpmif_ring
        tpmif_shared_page
        tpmif_tx_interface
        tpmif_tx_request
    }
    xen_public::abi::x86_64::io::usbif {
        usbif_conn_back_ring
        usbif_conn_front_ring
        usbif_conn_request
        usbif_conn_response
        usbif_conn_sring_pvt_netif
        usbif_conn_sring_pvt_tapif_user
        usbif_request_segment
        usbif_urb_back_ring
        usbif_urb_front_ring
        usbif_urb_request_u_intr
        usbif_urb_request_u_isoc
        usbif_urb_request_u_unlink
        usbif_urb_response
        usbif_urb_sring_pvt_netif
        usbif_urb_sring_pvt_tapif_user
    }
    xen_public::abi::x86_64::io::vscsiif {
        scsiif_request_segment
        vscsiif_back_ring
        vscsiif_front_ring
        vscsiif_request
        vscsiif_response
        vscsiif_sg_list
        vscsiif_sring_pvt_netif
        vscsiif_sring_pvt_tapif_user
    }
    xen_public::abi::x86_64::io::xs_wire {
        xenstore_domain_interface
        xsd_errors
        xsd_sockmsg
    }
    xen_public::abi::x86_64::kexec {
        xen_kexec_exec
        xen_kexec_image
        xen_kexec_load_v1
        xen_kexec_range
        xen_kexec_status
        xen_kexec_unload
    }
    xen_public::abi::x86_64::memory {
        xen_add_to_physmap
        xen_foreign_memory_map
        xen_machphys_mapping
        xen_machphys_mfn_list
        xen_mem_acquire_resource
        xen_memory_domain
        xen_memory_exchange
        xen_memory_map
        xen_memory_reservation
        xen_pod_target
        xen_remove_from_physmap
        xen_vmemrange
    }
    xen_public::abi::x86_64::nmi {
        xennmi_callback
    }
    xen_public::abi::x86_64::physdev {
        pci_device_reset
        physdev_apic
        physdev_eoi
        physdev_get_free_pirq
        physdev_irq
        physdev_irq_status_query
        physdev_manage_pci
        physdev_manage_pci_ext
        physdev_manage_pci_ext_physfn
        physdev_map_pirq
        physdev_pci_device
        physdev_pci_device_add
        physdev_pci_device_add_physfn
        physdev_pci_mmcfg_reserved
        physdev_pirq_eoi_gmfn
        physdev_restore_msi
        physdev_set_iobitmap
        physdev_set_iopl
        physdev_setup_gsi
        physdev_unmap_pirq
    }
    xen_public::abi::x86_64::platform {
        xen_pct_register
        xen_power_register
        xen_processor_csd
        xen_processor_cx
        xen_processor_flags
        xen_processor_performance
        xen_processor_power
        xen_processor_px
        xen_psd_package
        xenpf_add_memtype
        xenpf_change_freq
        xenpf_core_parking
        xenpf_cpu_hotadd
        xenpf_cpu_ol
        xenpf_del_memtype
        xenpf_efi_guid
        xenpf_efi_info_apple_properties
        xenpf_efi_info_cfg
        xenpf_efi_info_mem
        xenpf_efi_info_pci_rom
        xenpf_efi_info_vendor
        xenpf_efi_runtime_call_u_get_next_variable_name
        xenpf_efi_runtime_call_u_get_time
        xenpf_efi_runtime_call_u_get_variable
        xenpf_efi_runtime_call_u_query_capsule_capabilities
        xenpf_efi_runtime_call_u_query_variable_info
        xenpf_efi_runtime_call_u_update_capsule
        xenpf_efi_time
        xenpf_enter_acpi_sleep
        xenpf_firmware_info_u_disk_info
        xenpf_firmware_info_u_disk_mbr_signature
        xenpf_firmware_info_u_vbeddc_info
        xenpf_getidletime
        xenpf_mem_hotadd
        xenpf_microcode_update
        xenpf_microcode_update2
        xenpf_pcpu_version
        xenpf_pcpuinfo
        xenpf_platform_quirk
        xenpf_read_memtype
        xenpf_resource_op
        xenpf_settime32
        xenpf_settime64
        xenpf_symdata
        xenpf_ucode_revision
    }
    xen_public::abi::x86_64::pmu {
        xen_pmu_params
        xen_pmu_params_version
    }
    xen_public::abi::x86_64::sched {
        sched_pin_override
        sched_poll
        sched_remote_shutdown
        sched_shutdown
        sched_watchdog
    }
    xen_public::abi::x86_64::trace {
        t_buf
        t_info
        t_rec_u_cycles
        t_rec_u_nocycles
    }
    xen_public::abi::x86_64::vcpu {
        vcpu_get_physid
        vcpu_register_vcpu_info
        vcpu_runstate_info
        vcpu_set_periodic_timer
        vcpu_set_singleshot_timer
    }
    xen_public::abi::x86_64::version {
        xen_build_id
        xen_compile_info
        xen_feature_info
        xen_platform_parameters
        xen_varbuf
    }
    xen_public::abi::x86_64::xen {
        dom0_vga_console_info_u_text_mode_3
        dom0_vga_console_info_u_vesa_lfb
        mmu_update
        multicall_entry
        shared_info
        start_info_console_dom0
        start_info_console_domU
        vcpu_info
        vcpu_time_info
        xen_multiboot_mod_list
        xen_uuid_t
    }
    xen_public::abi::x86_64::xencomm {
        xencomm_desc
    }
    xen_public::abi::x86_64::xenoprof {
        event_log
        xenoprof_buf
        xenoprof_counter
        xenoprof_get_buffer
        xenoprof_ibs_counter
        xenoprof_init
        xenoprof_passive
    }
    xen_public::abi::x86_64::xsm::flask_op {
        xen_flask_access
        xen_flask_boolean
        xen_flask_cache_stats
        xen_flask_devicetree_label
        xen_flask_hash_stats
        xen_flask_load
        xen_flask_ocontext
        xen_flask_peersid
        xen_flask_relabel
        xen_flask_setavc_threshold
        xen_flask_setenforce
        xen_flask_sid_context
        xen_flask_transition
    }
}
